import { Modal } from '@mantine/core';
import type { Place } from '../ui/feature';
import { texts } from '../ui/text';
import css from './Help.module.css';
import { letterOf } from './keys';

const t = texts({
  title: 'Keys and help', palette: 'Command palette', assistant: 'Assistant on this page', help: 'This help', search: 'Search', create: 'New chat', undo: 'Undo the last change', escape: 'Close the top layer',
  go: 'Go to {name}', send: 'Send', line: 'New line', stop: 'Stop the answer (in the message field)', edit: 'Edit the last message (in an empty field)', move: 'Previous, next message',
  anywhere: 'Anywhere', chat: 'Chat', manual: 'Read the manual', settings: 'Letters can be changed or switched off in your settings.',
});

function Keys({ keys }: { keys: string }) {
  return <span className={css.keys} dir="ltr">{keys.split(' ').map((k, i) => <kbd key={i}>{k}</kbd>)}</span>;
}

export default function Help({ opened, onClose, places }: { opened: boolean; onClose: () => void; places: Place[] }) {
  const rows: [string, [string, string][]][] = [
    [t('anywhere'), [['Ctrl K', t('palette')], ['Ctrl J', t('assistant')], ['?', t('help')], ['/', t('search')], ['N', t('create')], ['Ctrl Z', t('undo')], ['Esc', t('escape')],
      ...places.filter((p) => p.letter).map((p): [string, string] => [`G ${letterOf(p).toUpperCase()}`, t('go', { name: p.label() })])]],
    [t('chat'), [['Enter', t('send')], ['Shift Enter', t('line')], ['Esc', t('stop')], ['↑', t('edit')], ['Alt ↑', t('move')]]],
  ];
  return (
    <Modal opened={opened} onClose={onClose} title={t('title')} size="lg">
      <div className={css.columns}>
        {rows.map(([title, list]) => (
          <section key={title}>
            <h3>{title}</h3>
            <dl className={css.list}>{list.map(([keys, what]) => <div key={keys + what}><dt><Keys keys={keys} /></dt><dd>{what}</dd></div>)}</dl>
          </section>
        ))}
      </div>
      <p>{t('settings')} <a href="/docs" target="_blank" rel="noopener">{t('manual')}</a></p>
    </Modal>
  );
}
