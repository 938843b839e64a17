// One credential while it is edited. What is typed lives in this component's state, goes out in one request, and is gone
// with it.
import { Button, Switch, TextInput } from '@mantine/core';
import { useEffect, useState } from 'react';
import { ApiError } from '../../api/errors';
import { useFocusInvalid } from '../../ui/invalid';
import { ErrorPanel } from '../../ui/states';
import { texts } from '../../ui/text';
import { notify } from '../../ui/toast-store';
import { Unsaved } from '../../ui/Unsaved';
import css from './Credentials.module.css';
import { SecretInput, StoredSecret } from './SecretField';
import type { Change, Tier } from './tier';
import type { FieldName, Unit } from './units';

const t = texts({
  save: 'Save', cancel: 'Cancel', verify: 'Ask the provider first, and save only what it accepts', failed: 'Nothing was saved.', saved: '{title}: saved.', asking: 'Asking {title} …',
  moves: 'Another address clears the secrets that were entered for the former one. Enter them again.', nothing: 'Nothing has been entered yet.',
});
type Texts = Partial<Record<FieldName, string>>;

interface Props { unit: Unit; tier: Tier; replace: FieldName | null; onDone: () => void }
export function UnitForm({ unit, tier, replace, onDone }: Props) {
  const [plain, setPlain] = useState<Texts>({}), [verify, setVerify] = useState(true), [busy, setBusy] = useState(false), [error, setError] = useState<unknown>(null);
  // A secret that is set opens by Replace; one that is not set is open.
  const [secrets, setSecrets] = useState<Texts>(() => (replace ? { [replace]: '' } : {}));
  const form = useFocusInvalid(error);
  useEffect(() => {
    const first = replace ? `[data-field="${replace}"] input` : 'input';
    form.current?.querySelector<HTMLElement>(first)?.focus();
  }, [form, replace]);
  const fields = error instanceof ApiError ? error.fieldErrors : {};
  const changed = unit.plain.filter((f) => plain[f.name] !== undefined && plain[f.name]!.trim() !== (f.value ?? ''));
  const typed = unit.secrets.filter((s) => secrets[s.name]?.trim());
  const dirty = changed.length + typed.length > 0;
  const moves = changed.some((f) => f.endpoint) && unit.secrets.some((s) => s.masked && !secrets[s.name]?.trim());
  const send = async () => {
    if (!dirty || busy) return;
    const change: Partial<Record<FieldName, string | null>> = {};
    for (const f of changed) change[f.name] = plain[f.name]!.trim() || null;
    for (const s of typed) change[s.name] = secrets[s.name]!.trim();
    setBusy(true);
    setError(null);
    try {
      await tier.change({ ...(change as Omit<Change, 'orgId'>), ...(verify ? { verify: true } : {}) });
      notify({ kind: 'done', text: t('saved', { title: unit.title }) });
      onDone();
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  const own = [...unit.plain.map((f) => f.name), ...unit.secrets.map((s) => s.name)];
  return (
    <form ref={form} className={css.form} aria-label={unit.title} onSubmit={(e) => { e.preventDefault(); void send(); }}>
      {unit.plain.map((f) => (
        <TextInput key={f.name} label={f.label} description={f.hint} dir="ltr" autoComplete="off" spellCheck={false} maxLength={f.endpoint ? 500 : 200} value={plain[f.name] ?? f.value ?? ''} error={fields[f.name]?.[0]}
          aria-invalid={fields[f.name] ? true : undefined} onChange={(e) => setPlain({ ...plain, [f.name]: e.currentTarget.value })} />
      ))}
      {moves && <p className={css.warn} role="status">{t('moves')}</p>}
      {unit.secrets.map((s) => (
        <div key={s.name} data-field={s.name}>
          {s.masked && secrets[s.name] === undefined
            ? <><div className={css.label}>{s.label}</div><StoredSecret secret={s} title={unit.title} onReplace={() => setSecrets({ ...secrets, [s.name]: '' })} /></>
            : <SecretInput secret={s} value={secrets[s.name] ?? ''} error={fields[s.name]?.[0]} onChange={(text) => setSecrets({ ...secrets, [s.name]: text })}
                {...(s.masked && !(unit.secrets.length === 1 && !unit.plain.length) ? { onKeep: () => setSecrets({ ...secrets, [s.name]: undefined as never }) } : {})} />}
        </div>
      ))}
      <Switch label={t('verify')} checked={verify} onChange={(e) => setVerify(e.currentTarget.checked)} />
      {error !== null && !own.some((name) => fields[name]) && <ErrorPanel error={error} what={t('failed')} write />}
      <div className={css.buttons}>
        <Button type="submit" loading={busy} disabled={!dirty} title={dirty ? undefined : t('nothing')}>{t('save')}</Button>
        <Button variant="default" disabled={busy} onClick={onDone}>{t('cancel')}</Button>
        {busy && verify && <span className={css.note} role="status">{t('asking', { title: unit.title })}</span>}
      </div>
      <Unsaved when={dirty && !busy} />
    </form>
  );
}
