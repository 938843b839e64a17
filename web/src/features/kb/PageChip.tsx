import { IconFileText, IconFileTypeDocx, IconFolder } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { isCode } from '../../api/errors';
import { useCall } from '../../api/query';
import type { ChipProps } from '../../ui/feature';
import { RecordChip } from '../../ui/RecordChip';
import { texts } from '../../ui/text';
import { Time } from '../../ui/Time';

const t = texts({ changed: 'changed', folder: 'folder', gone: 'not found' });
const icons = { FOLDER: IconFolder, PAGE: IconFileText, DOCX: IconFileTypeDocx };

export default function PageChip({ id, to, children }: ChipProps) {
  const query = useCall('get_document', { id }, { staleTime: 60_000 }), d = query.data?.document, gone = isCode(query.error, 'NOT_FOUND');
  const state = gone ? t('gone') : d?.kind === 'FOLDER' ? t('folder') : d ? <>{t('changed')} <Time at={d.updatedAt} /></> : null;
  return <RecordChip id={id} icon={icons[d?.kind as keyof typeof icons] ?? IconFileText} link={<Link to={to}>{children}</Link>} state={state} gone={gone} />;
}
