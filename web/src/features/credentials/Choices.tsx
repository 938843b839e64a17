// What a tier prefers: the provider and model of chats, and what transcribes.
import { Button, NativeSelect, TextInput } from '@mantine/core';
import { useState } from 'react';
import { ApiError } from '../../api/errors';
import { useFocusInvalid } from '../../ui/invalid';
import { Section } from '../../ui/Page';
import { ErrorPanel } from '../../ui/states';
import { texts } from '../../ui/text';
import { notify } from '../../ui/toast-store';
import { Unsaved } from '../../ui/Unsaved';
import css from './Credentials.module.css';
import type { Config, Tier } from './tier';
import { providers, titleOf } from './units';

const t = texts({
  title: 'Preferences', provider: 'Chats are answered by', open: 'Not pinned', openWhy: 'Not pinned here: now it is {provider}.', pinWhy: 'Pinned: without a credential for it calls are refused, and no other provider is taken.',
  model: 'Model', modelWhy: 'Empty here: now it is {model}.', modelOf: 'Belongs to the provider that is pinned beside it; without one, to whatever is chosen.', transcription: 'Transcriptions are made by', left: 'Left to the next tier',
  auto: 'Whatever is there', whisper: 'Whisper', whisperx: 'WhisperX', local: 'A local program', save: 'Save preferences', saved: 'The preferences were saved.', failed: 'Nothing was saved.', discard: 'Discard',
});
export interface Wish { chatProvider?: Config['chatProvider']; chatModel?: string; transcriptionProvider?: Config['transcriptionProvider'] }
const transcribers = ['auto', 'whisper', 'whisperx', 'local'] as const;

interface Props { tier: Tier; wish: Wish; setWish: (wish: Wish) => void }
export function Choices({ tier, wish, setWish }: Props) {
  const { config, effective } = tier.settings;
  const [busy, setBusy] = useState(false), [error, setError] = useState<unknown>(null), form = useFocusInvalid(error);
  const provider = wish.chatProvider === undefined ? (config.chatProvider ?? null) : wish.chatProvider;
  const model = wish.chatModel ?? config.chatModel ?? '', transcription = wish.transcriptionProvider === undefined ? (config.transcriptionProvider ?? null) : wish.transcriptionProvider;
  const change = {
    ...(provider !== (config.chatProvider ?? null) ? { chatProvider: provider } : {}), ...(model.trim() !== (config.chatModel ?? '') ? { chatModel: model.trim() || null } : {}),
    ...(transcription !== (config.transcriptionProvider ?? null) ? { transcriptionProvider: transcription } : {}),
  };
  const dirty = Object.keys(change).length > 0, fields = error instanceof ApiError ? error.fieldErrors : {};
  const send = async () => {
    if (!dirty || busy) return;
    setBusy(true);
    setError(null);
    try {
      await tier.change(change);
      setWish({});
      notify({ kind: 'done', text: t('saved') });
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Section title={t('title')}>
      <form ref={form} aria-label={t('title')} className={css.choices} onSubmit={(e) => { e.preventDefault(); void send(); }}>
        <NativeSelect label={t('provider')} inputWrapperOrder={['label', 'input', 'description', 'error']} description={provider ? t('pinWhy') : t('openWhy', { provider: titleOf(effective.provider) })} disabled={!tier.mayChange} value={provider ?? ''} error={fields.chatProvider?.[0]}
          onChange={(e) => setWish({ ...wish, chatProvider: (e.currentTarget.value || null) as Config['chatProvider'] })} data={[{ value: '', label: t('open') }, ...providers.map((p) => ({ value: p, label: titleOf(p) }))]} />
        <TextInput label={t('model')} inputWrapperOrder={['label', 'input', 'description', 'error']} description={model ? t('modelOf') : t('modelWhy', { model: effective.model })} dir="ltr" autoComplete="off" spellCheck={false} maxLength={200} disabled={!tier.mayChange} value={model} error={fields.chatModel?.[0]}
          aria-invalid={fields.chatModel ? true : undefined} onChange={(e) => setWish({ ...wish, chatModel: e.currentTarget.value })} />
        <NativeSelect label={t('transcription')} disabled={!tier.mayChange} value={transcription ?? ''} error={fields.transcriptionProvider?.[0]}
          onChange={(e) => setWish({ ...wish, transcriptionProvider: (e.currentTarget.value || null) as Config['transcriptionProvider'] })} data={[{ value: '', label: t('left') }, ...transcribers.map((p) => ({ value: p, label: t(p) }))]} />
        {error !== null && !Object.keys(fields).length && <div className={css.whole}><ErrorPanel error={error} what={t('failed')} write /></div>}
        {tier.mayChange && (
          <div className={`${css.buttons} ${css.whole}`}>
            <Button type="submit" variant="default" loading={busy} disabled={!dirty}>{t('save')}</Button>
            {dirty && <Button variant="subtle" disabled={busy} onClick={() => setWish({})}>{t('discard')}</Button>}
          </div>
        )}
      </form>
      <Unsaved when={dirty && !busy} />
    </Section>
  );
}
