// Ctrl/Cmd+K: go to, find records, actions, recent. A combobox over a listbox: the focus stays in the text, the chosen
// option is named by aria-activedescendant. Own commands at once, records after a pause.
import { Modal } from '@mantine/core';
import { IconArrowRight, IconClock } from '@tabler/icons-react';
import { useEffect, useMemo, useRef, useState } from 'react';
import type { Command, Feature, Hit, Icon, Place } from '../ui/feature';
import { useMay, useMe } from '../ui/me';
import { texts } from '../ui/text';
import css from './Palette.module.css';
import { recentPlaces } from './recent';
import { takeTyped } from './typed';

const t = texts({
  title: 'Command palette', placeholder: 'Go to, find, do …', goTo: 'Go to', records: 'Records', actions: 'Actions', recent: 'Recent', switch: 'Switch workspace',
  switchTo: 'Switch to {name}', nothing: 'Nothing fits “{text}”.', found: { one: '{n} entry', other: '{n} entries' }, failed: 'Records could not be searched: {why}',
});
const pauseMs = 150;

interface Entry { id: string; title: string; detail?: string; group: string; icon: Icon; run: () => void; userText?: boolean }
interface Props {
  opened: boolean; onClose: () => void; places: Place[]; commands: Command[]; features: Feature[];
  go: (to: string) => void; switchTo: (id: string) => void;
}

function useHits(text: string, features: Feature[]): { hits: Hit[]; error: string } {
  const may = useMay();
  const [found, setFound] = useState<{ hits: Hit[]; error: string }>({ hits: [], error: '' });
  useEffect(() => {
    const finders = features.flatMap((f) => (f.find && may(f.find.operation) ? [f.find] : []));
    if (text.trim().length < 2 || !finders.length) {
      setFound({ hits: [], error: '' });
      return;
    }
    const stop = new AbortController();
    const clock = setTimeout(() => {
      Promise.all(finders.map((f) => f.search(text.trim(), stop.signal)))
        .then((lists) => setFound({ hits: lists.flat().slice(0, 12), error: '' }))
        .catch((e: unknown) => {
          if (!stop.signal.aborted) setFound({ hits: [], error: e instanceof Error ? e.message : String(e) });
        });
    }, pauseMs);
    return () => {
      clearTimeout(clock);
      stop.abort();
    };
    // The features and the role don't change while the palette is open.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [text]);
  return found;
}

function Inner({ onClose, places, commands, features, go, switchTo }: Omit<Props, 'opened'>) {
  const me = useMe();
  const [text, setText] = useState('');
  const [active, setActive] = useState(0);
  const list = useRef<HTMLUListElement>(null);
  const { hits, error } = useHits(text, features);
  const entries = useMemo(() => {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (title: string) => words.every((w) => title.toLowerCase().includes(w));
    const to = (path: string) => () => go(path);
    const all: Entry[] = [
      ...(text ? [] : recentPlaces().map((r) => ({ id: `r${r.to}`, title: r.title, group: t('recent'), icon: IconClock, run: to(r.to), userText: true }))),
      ...places.map((p) => ({ id: `p${p.to}`, title: p.label(), group: t('goTo'), icon: p.icon, run: to(p.to) })).filter((e) => fits(e.title)),
      ...commands.map((c) => ({ id: `c${c.id}`, title: c.label(), group: t('actions'), icon: c.icon, run: () => c.run(go) })).filter((e) => fits(e.title)),
      ...me.workspaces.filter((w) => w.id !== me.workspace.id).map((w) => ({
        id: `w${w.id}`, title: t('switchTo', { name: w.name }), group: t('switch'), icon: IconArrowRight, run: () => switchTo(w.id) })).filter((e) => fits(e.title)),
      ...hits.map((h) => ({ id: `h${h.id}`, title: h.title, ...(h.detail ? { detail: h.detail } : {}), group: t('records'), icon: h.icon, run: to(h.to), userText: true })),
    ];
    return all;
  }, [text, hits, places, commands, me, go, switchTo]);
  const chosen = Math.min(active, entries.length - 1);
  useEffect(() => {
    list.current?.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest' });
  }, [chosen, entries]);
  const run = (entry: Entry | undefined) => {
    if (!entry) return;
    onClose();
    entry.run();
  };
  const onFocus = () => {
    const typed = takeTyped();
    if (typed) setText((now) => typed + now);
  };
  const onKey = (event: React.KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    const move: Record<string, number> = { ArrowDown: chosen + 1, ArrowUp: chosen - 1, Home: 0, End: entries.length - 1 };
    const next = event.key in move && !(text && (event.key === 'Home' || event.key === 'End')) ? move[event.key] : undefined;
    if (next !== undefined) {
      event.preventDefault();
      setActive((next + entries.length) % Math.max(entries.length, 1));
    } else if (event.key === 'Enter') {
      event.preventDefault();
      run(entries[chosen]);
    }
  };
  return (
    <>
      <input className={css.input} role="combobox" aria-expanded={entries.length > 0} aria-controls="palette-list" aria-autocomplete="list" aria-label={t('title')}
        aria-activedescendant={entries[chosen] ? `palette-${chosen}` : undefined} placeholder={t('placeholder')} value={text} autoComplete="off" spellCheck={false} data-autofocus
        onFocus={onFocus} onChange={(e) => { setText(e.target.value); setActive(0); }} onKeyDown={onKey} />
      <ul className={css.list} id="palette-list" role="listbox" aria-label={t('title')} ref={list}>
        {entries.map((entry, i) => {
          const first = entries[i - 1]?.group !== entry.group;
          return (
            <li key={entry.id} role="presentation">
              {first && <div className={css.group} aria-hidden>{entry.group}</div>}
              <div id={`palette-${i}`} role="option" aria-selected={i === chosen} className={css.option} onMouseMove={() => setActive(i)} onClick={() => run(entry)}
                aria-label={`${entry.title}, ${entry.group}`}>
                <entry.icon size={16} aria-hidden />
                <span className={css.title} dir={entry.userText ? 'auto' : undefined}>{entry.title}</span>
                {entry.detail && <span className={css.detail} dir="auto">{entry.detail}</span>}
              </div>
            </li>
          );
        })}
      </ul>
      {error && <p className={css.nothing}>{t('failed', { why: error })}</p>}
      {!entries.length && <p className={css.nothing}>{t('nothing', { text })}</p>}
      <div className="visually-hidden" role="status">{t('found', { n: entries.length })}</div>
    </>
  );
}

export default function Palette({ opened, ...rest }: Props) {
  return (
    <Modal.Root opened={opened} onClose={rest.onClose} size={620} yOffset="12vh" transitionProps={{ duration: 0 }} trapFocus returnFocus>
      <Modal.Overlay />
      <Modal.Content aria-label={t('title')}><Inner {...rest} /></Modal.Content>
    </Modal.Root>
  );
}
