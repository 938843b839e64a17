import { IconUsers } from '@tabler/icons-react';
import type { Feature } from '../../ui/feature';
import { texts } from '../../ui/text';

const t = texts({ members: 'Members' });
export const tenancy: Feature = {
  screens: [{ path: '/admin/members', area: () => t('members'), operation: 'create_invite', load: () => import('./MembersPage') }],
  places: [{ to: '/admin/members', label: () => t('members'), icon: IconUsers, group: 'admin', operation: 'create_invite', letter: 'e', action: 'members' }],
};
