import { Button, Switch, TextInput } from '@mantine/core';
import { setDisplay, useDisplay } from '../../ui/display';
import { Page, Section } from '../../ui/Page';
import { texts } from '../../ui/text';
import css from './Settings.module.css';

const t = texts({
  title: 'Keyboard', lead: 'Single letters work outside of text fields. Keys with Ctrl or Cmd always work.', letters: 'Single letters', on: 'Single letters do something', go: 'After G', letterOf: 'Letter for {name}', taken: 'This letter is taken by {name}.', reset: 'Back to the usual letters',
  home: 'Home', chat: 'Chat', kb: 'Knowledge base', search: 'Search', usage: 'Usage', members: 'Members', keys: 'Provider keys',
});
// What each action has when nothing was changed; the shell's table of places has the same names.
const usual = { home: 'h', chat: 'c', kb: 'k', search: 's', usage: 'u', members: 'e', keys: 'p' } as const;
type Action = keyof typeof usual;
const actions = Object.keys(usual) as Action[];

export default function ShortcutsPage() {
  const display = useDisplay();
  const letter = (a: Action) => display.keys[a] ?? usual[a];
  const set = (a: Action, value: string) => {
    const key = value.slice(-1).toLowerCase();
    if (/^[a-z]$/.test(key)) setDisplay({ keys: { ...display.keys, [a]: key } });
  };
  const clash = (a: Action) => actions.find((other) => other !== a && letter(other) === letter(a));
  return (
    <Page title={t('title')} lead={t('lead')} tools={<Button variant="default" onClick={() => setDisplay({ keys: {} })}>{t('reset')}</Button>}>
      <Section title={t('letters')}><Switch label={t('on')} checked={display.letters} onChange={(e) => setDisplay({ letters: e.currentTarget.checked })} /></Section>
      <Section title={t('go')}>
        <div className={css.keys}>
          {actions.map((a) => {
            const other = clash(a);
            return <TextInput key={a} label={t(a)} aria-label={t('letterOf', { name: t(a) })} disabled={!display.letters} value={letter(a).toUpperCase()} onChange={(e) => set(a, e.currentTarget.value)} dir="ltr" error={other ? t('taken', { name: t(other) }) : undefined} />;
          })}
        </div>
      </Section>
    </Page>
  );
}
