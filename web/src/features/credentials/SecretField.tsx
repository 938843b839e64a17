import { Button, PasswordInput } from '@mantine/core';
import { IconLock } from '@tabler/icons-react';
import { texts } from '../../ui/text';
import css from './Credentials.module.css';
import type { Secret } from './units';

const t = texts({
  set: 'set,', replace: 'Replace', replaceLabel: 'Replace: {what}', clear: 'Clear', clearLabel: 'Clear: {what}', keep: 'Keep the stored one', paste: 'Paste it here; it is shown to nobody again.',
});

// What is stored: that it is, and its last four characters. It is never read back.
export function StoredSecret({ secret, title, onReplace, onClear }: { secret: Secret; title: string; onReplace?: (() => void) | undefined; onClear?: (() => void) | undefined }) {
  const what = `${title}, ${secret.label}`;
  return (
    <div className={css.stored}>
      <span><IconLock size={14} aria-hidden /> {t('set')} <code dir="ltr">{secret.masked}</code></span>
      {onReplace && <Button size="compact-sm" variant="default" aria-label={t('replaceLabel', { what })} onClick={onReplace}>{t('replace')}</Button>}
      {onClear && <Button size="compact-sm" variant="subtle" color="danger" aria-label={t('clearLabel', { what })} onClick={onClear}>{t('clear')}</Button>}
    </div>
  );
}

export function SecretInput({ secret, value, error, onChange, onKeep, autoFocus }: { secret: Secret; value: string; error?: string | undefined; onChange: (text: string) => void; onKeep?: (() => void) | undefined; autoFocus?: boolean }) {
  return (
    <div>
      <PasswordInput label={secret.label} description={t('paste')} inputWrapperOrder={['label', 'description', 'input', 'error']} dir="ltr" autoComplete="off" spellCheck={false} data-1p-ignore data-lpignore="true" maxLength={500} value={value} error={error} aria-invalid={error ? true : undefined} data-autofocus={autoFocus || undefined}
        onChange={(e) => onChange(e.currentTarget.value)} visibilityToggleButtonProps={{ 'aria-hidden': true, tabIndex: -1 }} />
      {onKeep && <Button mt={4} size="compact-sm" variant="subtle" onClick={onKeep}>{t('keep')}</Button>}
    </div>
  );
}
