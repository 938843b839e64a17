import { IconLayoutSidebarLeftCollapse, IconLayoutSidebarLeftExpand } from '@tabler/icons-react';
import { Link, useRouterState } from '@tanstack/react-router';
import { setDisplay, useDisplay } from '../ui/display';
import type { Place } from '../ui/feature';
import { texts } from '../ui/text';
import { tip } from '../ui/tip';
import css from './Navigation.module.css';

const t = texts({ work: 'Work', admin: 'Administration', own: 'You', bar: 'Main places', collapse: 'Icons only', expand: 'Show names' });
const groups: Place['group'][] = ['top', 'work', 'admin', 'own'];

function Item({ place, icons }: { place: Place; icons: boolean }) {
  const below = useRouterState({ select: (s) => place.under !== undefined && s.location.pathname.startsWith(place.under) });
  return (
    <Link to={place.to} className={css.item} activeOptions={{ exact: place.to === '/' }} {...(below ? { 'data-status': 'active' as const } : {})} {...(icons ? tip(place.label(), 'end') : {})}>
      <place.icon size={18} stroke={1.75} aria-hidden /><span className={icons ? 'visually-hidden' : undefined}>{place.label()}</span>
    </Link>
  );
}

export function Navigation({ places, icons = false }: { places: Place[]; icons?: boolean }) {
  return groups.map((group) => {
    const here = places.filter((p) => p.group === group);
    if (!here.length) return null;
    return (
      <div key={group} className={css.group} role="group" aria-label={group === 'top' ? undefined : t(group)} data-icons={icons || undefined}>
        {group !== 'top' && !icons && <div className={css.title} aria-hidden>{t(group)}</div>}
        {here.map((place) => <Item key={place.to} place={place} icons={icons} />)}
      </div>
    );
  });
}

// Beside the page: names or icons only, as it was left on this device.
export function Side({ places }: { places: Place[] }) {
  const icons = useDisplay().nav === 'icons';
  const Icon = icons ? IconLayoutSidebarLeftExpand : IconLayoutSidebarLeftCollapse, words = t(icons ? 'expand' : 'collapse');
  return (
    <>
      <Navigation places={places} icons={icons} />
      <button type="button" className={css.toggle} onClick={() => setDisplay({ nav: icons ? 'wide' : 'icons' })} {...(icons ? tip(words, 'end') : {})}>
        <Icon size={18} stroke={1.75} aria-hidden /><span className={icons ? 'visually-hidden' : undefined}>{words}</span>
      </button>
    </>
  );
}

// Under 768 px: the main places at the thumb.
export function Bar({ places }: { places: Place[] }) {
  const shown = places.filter((p) => p.bar).sort((a, b) => (a.bar ?? 0) - (b.bar ?? 0));
  return (
    <nav className={css.bar} aria-label={t('bar')}>
      {shown.map((place) => (
        <Link key={place.to} to={place.to} className={css.thumb} activeOptions={{ exact: place.to === '/' }}>
          <place.icon size={20} stroke={1.75} aria-hidden /><span>{place.label()}</span>
        </Link>
      ))}
    </nav>
  );
}
