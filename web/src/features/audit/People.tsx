// Who may have done it: members, and whoever the URL names beside them.
import { NativeSelect } from '@mantine/core';
import { useList } from '../../api/query';
import { texts } from '../../ui/text';

const t = texts({ label: 'Actor', any: 'Anybody' });

export function People({ value, onChange }: { value: string; onChange: (id: string) => void }) {
  const list = useList('list_members', { limit: 100 }, (page) => page.members);
  const people = list.rows.map((m) => ({ value: m.id, label: m.name || m.email || m.id }));
  const choices = [{ value: '', label: t('any') }, ...people, ...(value && !people.some((p) => p.value === value) ? [{ value, label: value }] : [])];
  return <NativeSelect label={t('label')} value={value} onChange={(e) => onChange(e.currentTarget.value)} data={choices} />;
}
