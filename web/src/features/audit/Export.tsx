import { Button } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import type { In, Operation, Out } from '../../api/operations';
import { count } from '../../ui/format';
import { texts } from '../../ui/text';
import { most, useCollect, write } from './collect';

const t = texts({ export: 'Export', loaded: 'Export what is loaded', all: 'Export all that fits', why: 'At most {most} entries', progress: { one: 'Stop ({n} entry so far)', other: 'Stop ({n} entries so far)' } });
interface Props<N extends Operation, T> { file: string; name: N; input: In<N>; rows: (page: Out<N>) => T[]; loaded: T[]; complete: boolean; more?: object }

// What is loaded, and, when that is not all, everything that fits the filters.
export function Export<N extends Operation, T>({ file, name, input, rows, loaded, complete, more }: Props<N, T>) {
  const collect = useCollect();
  if (collect.loaded !== null) return <Button variant="default" onClick={collect.stop}>{t('progress', { n: collect.loaded })}</Button>;
  const all = async () => {
    const found = await collect.all(name, input, rows);
    if (found) write(file, input as object, found.entries, found.complete, more);
  };
  return (
    <>
      <Button variant="default" leftSection={<IconDownload size={16} aria-hidden />} disabled={!loaded.length} onClick={() => write(file, input as object, loaded, complete, more)}>{complete ? t('export') : t('loaded')}</Button>
      {!complete && <Button variant="default" title={t('why', { most: count(most) })} onClick={() => void all()}>{t('all')}</Button>}
    </>
  );
}
