import { Link } from '@tanstack/react-router';
import type { Place } from '../ui/feature';
import { texts } from '../ui/text';
import css from './Navigation.module.css';

const t = texts({ work: 'Work', admin: 'Administration', own: 'You', bar: 'Main places' });
const groups: Place['group'][] = ['top', 'work', 'admin', 'own'];

function Item({ place }: { place: Place }) {
  return (
    <Link to={place.to} className={css.item} activeOptions={{ exact: place.to === '/' }}>
      <place.icon size={18} stroke={1.75} aria-hidden /><span>{place.label()}</span>
    </Link>
  );
}

export function Navigation({ places }: { places: Place[] }) {
  return groups.map((group) => {
    const here = places.filter((p) => p.group === group);
    if (!here.length) return null;
    return (
      <div key={group} className={css.group} role="group" aria-label={group === 'top' ? undefined : t(group)}>
        {group !== 'top' && <div className={css.title} aria-hidden>{t(group)}</div>}
        {here.map((place) => <Item key={place.to} place={place} />)}
      </div>
    );
  });
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
