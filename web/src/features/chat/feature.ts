import { IconMessage, IconMessagePlus } from '@tabler/icons-react';
import { call } from '../../api/client';
import type { Feature } from '../../ui/feature';
import { texts } from '../../ui/text';

const t = texts({ chat: 'Chat', create: 'New chat' });
const area = () => t('chat');
export const chat: Feature = {
  screens: [
    { path: '/chat', area, operation: 'send_chat', load: () => import('./ChatPage') },
    { path: '/chat/$threadId', area, operation: 'send_chat', load: () => import('./ChatPage') },
  ],
  places: [{ to: '/chat', label: area, icon: IconMessage, group: 'top', operation: 'send_chat', letter: 'c', action: 'chat', bar: 2 }],
  commands: [{ id: 'new-chat', label: () => t('create'), icon: IconMessagePlus, operation: 'send_chat', run: (go) => go('/chat') }],
  find: {
    operation: 'list_chats',
    search: async (text, signal) => (await call('list_chats', { search: text, limit: 5 } as never, { signal })).chats.map((c) => ({ id: c.id, title: c.title, detail: t('chat'), to: `/chat/${encodeURIComponent(c.id)}`, icon: IconMessage })),
  },
};
