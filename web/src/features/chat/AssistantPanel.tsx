// The assistant beside any page: what the page shows goes along, as a chip that can be taken off.
import { Drawer } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { texts } from '../../ui/text';
import css from './Chat.module.css';
import { newThreadId } from './conversation';
import { ConversationView } from './ConversationView';

const t = texts({ title: 'Assistant', close: 'Close the assistant', open: 'Open as a chat' });

export default function AssistantPanel({ path, record, onClose }: { path: string; record: { kind: string; id: string } | undefined; onClose: () => void }) {
  const [id] = useState(newThreadId), [started, setStarted] = useState(false);
  const [title] = useState(() => document.title.replace(/ – opboxd$/, ''));
  return (
    <Drawer opened onClose={onClose} position="right" size={460} title={t('title')} closeButtonProps={{ 'aria-label': t('close') }} classNames={{ body: css.panelBody!, content: css.panel! }}>
      {started && <p className={css.open}><Link to="/chat/$threadId" params={{ threadId: id } as never}>{t('open')}</Link></p>}
      <ConversationView id={id} isNew page={{ path, title, ...(record ? { record } : {}) }} onStarted={() => setStarted(true)} />
    </Drawer>
  );
}
