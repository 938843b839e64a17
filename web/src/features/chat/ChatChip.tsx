import { IconMessage } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { isCode } from '../../api/errors';
import { useCall } from '../../api/query';
import type { ChipProps } from '../../ui/feature';
import { RecordChip } from '../../ui/RecordChip';
import { texts } from '../../ui/text';
import { Time } from '../../ui/Time';

const t = texts({ archived: 'archived', gone: 'not found' });

export default function ChatChip({ id, to, children }: ChipProps) {
  const query = useCall('get_chat', { id }, { staleTime: 60_000 }), chat = query.data?.chat, gone = isCode(query.error, 'NOT_FOUND');
  return <RecordChip id={id} icon={IconMessage} link={<Link to={to}>{children}</Link>} state={gone ? t('gone') : chat?.archived ? t('archived') : chat ? <Time at={chat.updatedAt} /> : null} gone={gone} />;
}
