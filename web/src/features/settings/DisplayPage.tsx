import { NativeSelect, SegmentedControl, Switch } from '@mantine/core';
import { setDisplay, useDisplay, type Display } from '../../ui/display';
import { exactTime } from '../../ui/format';
import { Page, Section } from '../../ui/Page';
import { texts } from '../../ui/text';
import css from './Settings.module.css';

const t = texts({
  title: 'Display', lead: 'Kept on this device only.', scheme: 'Colours', auto: 'As the system', light: 'Light', dark: 'Dark', density: 'Rows',
  zone: 'Time zone', browser: 'As the browser ({zone})', now: 'Now it is {time}.', compactRows: 'Compact rows (32 instead of 40 pixels)',
});
const zones = typeof Intl.supportedValuesOf === 'function' ? Intl.supportedValuesOf('timeZone') : [];

export default function DisplayPage() {
  const display = useDisplay();
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return (
    <Page title={t('title')} lead={t('lead')}>
      <Section title={t('scheme')}>
        <SegmentedControl aria-label={t('scheme')} value={display.scheme} onChange={(v) => setDisplay({ scheme: v as Display['scheme'] })}
          data={[{ value: 'auto', label: t('auto') }, { value: 'light', label: t('light') }, { value: 'dark', label: t('dark') }]} />
      </Section>
      <Section title={t('density')}>
        <Switch label={t('compactRows')} checked={display.density === 'compact'} onChange={(e) => setDisplay({ density: e.currentTarget.checked ? 'compact' : 'normal' })} />
      </Section>
      <Section title={t('zone')}>
        <NativeSelect className={css.field} aria-label={t('zone')} value={display.zone} onChange={(e) => setDisplay({ zone: e.currentTarget.value })} data={[{ value: '', label: t('browser', { zone: own }) }, ...zones.map((z) => ({ value: z, label: z }))]} />
        <p className={css.note}>{t('now', { time: exactTime(new Date().toISOString()) })}</p>
      </Section>
    </Page>
  );
}
