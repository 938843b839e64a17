import { Button, Menu } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import type { In, Operation, Out } from '../../api/operations';
import { count } from '../../ui/format';
import { texts } from '../../ui/text';
import { most, useCollect, write } from './collect';

const t = texts({
  export: 'Export', loaded: { one: 'What is loaded ({n} entry)', other: 'What is loaded ({n} entries)' }, all: 'All that fits the filters', allMost: 'All that fits the filters, at most {most}', progress: { one: 'Stop ({n} entry so far)', other: 'Stop ({n} entries so far)' },
});
interface Props<N extends Operation, T> { file: string; name: N; input: In<N>; rows: (page: Out<N>) => T[]; loaded: T[]; complete: boolean; more?: object }

export function Export<N extends Operation, T>({ file, name, input, rows, loaded, complete, more }: Props<N, T>) {
  const collect = useCollect();
  if (collect.loaded !== null) return <Button variant="default" onClick={collect.stop}>{t('progress', { n: collect.loaded })}</Button>;
  const all = async () => {
    const found = await collect.all(name, input, rows);
    if (found) write(file, input as object, found.entries, found.complete, more);
  };
  return (
    <Menu position="bottom-end">
      <Menu.Target><Button variant="default" leftSection={<IconDownload size={16} aria-hidden />} disabled={!loaded.length}>{t('export')}</Button></Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => write(file, input as object, loaded, complete, more)}>{t('loaded', { n: loaded.length })}</Menu.Item>
        {!complete && <Menu.Item onClick={() => void all()}>{t('allMost', { most: count(most) })}</Menu.Item>}
      </Menu.Dropdown>
    </Menu>
  );
}
