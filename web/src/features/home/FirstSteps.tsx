// Of a new workspace: four first steps that tick off by what is there, until all are done or somebody has seen enough.
import { Button } from '@mantine/core';
import { IconCircle, IconCircleCheck } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { useCall } from '../../api/query';
import { setDisplay, useDisplay } from '../../ui/display';
import { useMay } from '../../ui/me';
import { Section } from '../../ui/Page';
import { texts } from '../../ui/text';
import css from './Home.module.css';

const t = texts({
  title: 'First steps', hide: 'Hide the first steps', done: 'done', open: 'to do',
  try: 'Ask the assistant something', tryWhy: 'It answers without a key too: then it searches and quotes.',
  key: 'Set a provider key', keyWhy: 'With one, a model answers in its own words.',
  page: 'Write the first page', pageWhy: 'Put an answer into a page, or send one through the API: what the assistant can read, it can find.',
  invite: 'Invite somebody', inviteWhy: 'A link that you hand over; their role says what they may do.',
});

// Asked for when the lists of the page are there, and only of who sets a workspace up.
export function FirstSteps({ chats, pages }: { chats: number; pages: number }) {
  const may = useMay(), { steps } = useDisplay();
  const wanted = steps !== 'hidden' && may('create_invite') && may('update_workspace_ai_config');
  const keys = useCall('get_personal_ai_config', {}, { enabled: wanted, staleTime: 60_000 }), members = useCall('list_members', { limit: 2 }, { enabled: wanted });
  if (!wanted || !keys.data || !members.data) return null;
  const list = [
    { id: 'try', to: '/chat', done: chats > 0 }, { id: 'key', to: '/admin/provider-keys/workspace', done: keys.data.effective.status === 'OK' },
    { id: 'page', to: '/chat', done: pages > 0 }, { id: 'invite', to: '/admin/members', done: members.data.members.length > 1 },
  ] as const;
  if (list.every((step) => step.done)) return null;
  return (
    <Section title={t('title')} tools={<Button variant="subtle" color="gray" size="compact-sm" onClick={() => setDisplay({ steps: 'hidden' })}>{t('hide')}</Button>}>
      <ol className={css.steps}>
        {list.map((step) => (
          <li key={step.id} data-done={step.done || undefined}>
            {step.done ? <IconCircleCheck size={20} aria-hidden /> : <IconCircle size={20} aria-hidden />}
            <div><Link to={step.to as never}>{t(step.id)}</Link> <span className={css.state}>{t(step.done ? 'done' : 'open')}</span><p>{t(`${step.id}Why`)}</p></div>
          </li>
        ))}
      </ol>
    </Section>
  );
}
