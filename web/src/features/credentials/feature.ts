import { IconKey, IconLockPassword } from '@tabler/icons-react';
import type { Feature } from '../../ui/feature';
import { texts } from '../../ui/text';

const t = texts({ own: 'Your provider keys', keys: 'Provider keys' });
export const credentials: Feature = {
  screens: [
    { path: '/settings/keys', area: () => t('own'), operation: 'get_personal_ai_config', load: () => import('./PersonalPage') },
    { path: '/admin/provider-keys/workspace', area: () => t('keys'), operation: 'get_workspace_ai_config', load: () => import('./WorkspacePage') },
    { path: '/admin/provider-keys/organisation', area: () => t('keys'), operation: 'get_organization_ai_config', load: () => import('./OrganisationPage') },
  ],
  places: [
    { to: '/admin/provider-keys/workspace', under: '/admin/provider-keys/', label: () => t('keys'), icon: IconLockPassword, group: 'admin', operation: 'get_workspace_ai_config', letter: 'p', action: 'keys' },
    { to: '/settings/keys', label: () => t('own'), icon: IconKey, group: 'own', operation: 'get_personal_ai_config' },
  ],
};
