// The navigation of a narrow screen, over the page.
import { Drawer } from '@mantine/core';
import type { Place } from '../ui/feature';
import { texts } from '../ui/text';
import { Navigation } from './Navigation';

const t = texts({ nav: 'Navigation', close: 'Close navigation' });

export default function NavigationDrawer({ opened, onClose, places }: { opened: boolean; onClose: () => void; places: Place[] }) {
  return <Drawer opened={opened} onClose={onClose} title={t('nav')} size={280} closeButtonProps={{ 'aria-label': t('close') }}><Navigation places={places} /></Drawer>;
}
