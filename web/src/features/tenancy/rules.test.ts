import { expect, test } from 'vitest';
import { actsAs, mayGive, refusalOf, removalRefusalOf } from './rules';

test('who stands higher in the organisation acts as such', () => {
  expect(actsAs({ role: 'MEMBER', organizationRole: 'OWNER' })).toBe('OWNER');
  expect(actsAs({ role: 'OWNER', organizationRole: 'ADMIN' })).toBe('OWNER');
  expect(actsAs({ role: 'VIEWER', organizationRole: 'MEMBER' })).toBe('VIEWER');
  expect(actsAs({ role: null, organizationRole: 'MEMBER' })).toBe(null);
});

test('nobody gives a role above their own', () => {
  expect(mayGive('ADMIN', 'OWNER')).toBe(false);
  expect(mayGive('ADMIN', 'ADMIN')).toBe(true);
  expect(mayGive('OWNER', 'OWNER')).toBe(true);
  expect(mayGive(null, 'VIEWER')).toBe(false);
});

test('nobody changes or removes who stands above them, the last owner, or who acts by the organisation', () => {
  expect(refusalOf('ADMIN', { role: 'OWNER' }, true)).toBe('above');
  expect(refusalOf('ADMIN', { role: 'MEMBER', organizationRole: 'OWNER' }, false)).toBe('above');
  expect(refusalOf('ADMIN', { role: 'ADMIN' }, false)).toBe(null);
  expect(refusalOf('OWNER', { role: 'OWNER' }, true)).toBe('lastOwner');
  expect(refusalOf('OWNER', { role: 'OWNER' }, false)).toBe(null);
  expect(refusalOf('OWNER', { role: null, organizationRole: 'ADMIN' }, false)).toBe('organisation');
  expect(refusalOf('OWNER', { role: 'MEMBER', organizationRole: 'ADMIN' }, false)).toBe(null);
  expect(removalRefusalOf('OWNER', { role: 'MEMBER', organizationRole: 'ADMIN' }, false)).toBe('organisation');
  expect(removalRefusalOf('OWNER', { role: 'MEMBER', organizationRole: 'MEMBER' }, false)).toBe(null);
});
