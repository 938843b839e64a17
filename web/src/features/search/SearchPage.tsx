import { NativeSelect, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconSearch } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { useCall } from '../../api/query';
import { useMay } from '../../ui/me';
import { Page } from '../../ui/Page';
import { useFilters } from '../../ui/search';
import { Empty, Loaded, NothingMatches } from '../../ui/states';
import { texts } from '../../ui/text';
import { kindIcon, kindName, kindOf, pathOf } from './hits';
import { searchFilters } from './filters';
import css from './Search.module.css';

const t = texts({
  title: 'Search', label: 'Search this workspace', placeholder: 'Words to look for', kind: 'Kind', everything: 'Everything', found: { one: '{n} hit', other: '{n} hits' },
  first: 'Find anything of this workspace', firstWhy: 'Type a word of its title or text. Best hits come first.', nothing: 'Nothing fits “{q}”.', advice: 'Check the spelling, or try fewer words.', ask: 'Ask the assistant', results: 'Results',
});

// The words that were looked for, marked in a snippet.
function Marked({ text, q }: { text: string; q: string }) {
  const words = q.split(/\s+/).filter((w) => w.length > 1).map((w) => w.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const plain = text.replace(/<\/?(?:mark|b|em)>/g, '');
  if (!words.length) return <>{plain}</>;
  const parts = plain.split(new RegExp(`(${words.join('|')})`, 'giu'));
  return <>{parts.map((part, i) => (i % 2 ? <mark key={i}>{part}</mark> : part))}</>;
}

export default function SearchPage() {
  const may = useMay();
  const [{ q, kind }, set] = useFilters(searchFilters);
  const [typed, setTyped] = useState(q);
  const [wanted] = useDebouncedValue(typed, 250);
  useEffect(() => {
    if (wanted.trim() !== q) set({ q: wanted.trim() });
    // The URL follows the field, not the other way round, while somebody types.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [wanted]);
  const query = useCall('search', { q, limit: 50 }, { enabled: q.length > 0, placeholderData: (old) => old });
  const results = query.data?.results ?? [];
  const kinds = [...new Set(results.map((r) => kindOf(r.kind)))];
  const shown = kind ? results.filter((r) => kindOf(r.kind) === kind) : results;
  const clear = () => { setTyped(''); set({ q: '', kind: '' }); };
  return (
    <Page title={t('title')}>
      <div className={css.bar}>
        <TextInput className={css.field} type="search" aria-label={t('label')} placeholder={t('placeholder')} leftSection={<IconSearch size={16} aria-hidden />} value={typed} onChange={(e) => setTyped(e.currentTarget.value)} dir="auto" maxLength={500} />
        {kinds.length > 1 && <NativeSelect aria-label={t('kind')} value={kind} onChange={(e) => set({ kind: e.currentTarget.value })} data={[{ value: '', label: t('everything') }, ...kinds.map((k) => ({ value: k, label: kindName(k) }))]} />}
      </div>
      {!q ? <Empty title={t('first')}>{t('firstWhy')}</Empty> : (
        <Loaded query={query} rows={6}>
          {() => shown.length === 0 ? (
            <NothingMatches title={t('nothing', { q })} onClear={clear}>{t('advice')} {may('send_chat') && <Link to="/chat">{t('ask')}</Link>}</NothingMatches>
          ) : (
            <>
              <p role="status" className={css.count}>{t('found', { n: shown.length })}</p>
              <ul className={css.list} aria-label={t('results')}>
                {shown.map((hit) => {
                  const Icon = kindIcon(hit.kind), to = pathOf(hit);
                  return (
                    <li key={`${hit.kind}${hit.id}${hit.heading ?? ''}`}>
                      <Icon size={18} aria-hidden />
                      <div>
                        <div className={css.head}>{to ? <Link to={to}><span dir="auto">{hit.title}</span></Link> : <strong dir="auto">{hit.title}</strong>}<span className={css.kind}>{kindName(hit.kind)}</span></div>
                        {hit.heading && <div className={css.heading} dir="auto">{hit.heading}</div>}
                        {hit.snippet && <p dir="auto"><Marked text={hit.snippet} q={q} /></p>}
                      </div>
                    </li>
                  );
                })}
              </ul>
            </>
          )}
        </Loaded>
      )}
    </Page>
  );
}
