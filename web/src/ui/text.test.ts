import { expect, test } from 'vitest';
import { texts } from './text';

const t = texts({ members: { one: '{n} member of {name}', other: '{n} members of {name}' }, plain: 'Nothing here' });

test('one and many follow the plural rules, numbers the language', () => {
  expect(t('members', { n: 1, name: 'Desk' })).toBe('1 member of Desk');
  expect(t('members', { n: 1200, name: 'Desk' })).toBe('1,200 members of Desk');
  expect(t('plain')).toBe('Nothing here');
});
