import { IconMessage, IconMessagePlus } from '@tabler/icons-react';
import { call } from '../../api/client';
import { reading, readingList } from '../../api/query';
import type { Feature } from '../../ui/feature';
import { texts } from '../../ui/text';

const t = texts({ chat: 'Chat', create: 'New chat' });
const area = () => t('chat');
const threads = () => readingList('list_chats', { archived: false, limit: 50 });
const messages = (id: string) => ({ operation: 'list_chat_messages' as const, read: () => import('./conversation').then((m) => m.conversation(id).readAhead()) });
export const chat: Feature = {
  screens: [
    { path: '/chat', area, operation: 'send_chat', load: () => import('./ChatPage'), first: () => [threads()] },
    { path: '/chat/$threadId', area, operation: 'send_chat', load: () => import('./ChatPage'), first: ({ params: { threadId = '' } }) => [messages(threadId), threads(), reading('get_chat', { id: threadId })] },
  ],
  places: [{ to: '/chat', label: area, icon: IconMessage, group: 'top', operation: 'send_chat', letter: 'c', action: 'chat', bar: 2 }],
  commands: [{ id: 'new-chat', label: () => t('create'), icon: IconMessagePlus, operation: 'send_chat', run: (go) => go('/chat') }],
  chip: { path: /^\/chat\/([^/?#]+)/, load: () => import('./ChatChip') },
  find: {
    operation: 'list_chats',
    search: async (text, signal) => (await call('list_chats', { search: text, limit: 5 } as never, { signal })).chats.map((c) => ({ id: c.id, title: c.title, detail: t('chat'), to: `/chat/${encodeURIComponent(c.id)}`, icon: IconMessage })),
  },
};
