import { ActionIcon, Button } from '@mantine/core';
import { IconCheck, IconCopy } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import { announce } from './announce';
import { texts } from './text';
import { tip } from './tip';

const t = texts({ copy: 'Copy', copied: 'Copied' });

export function CopyButton({ text, label, icon, onCopied }: { text: string | (() => string); label?: string; icon?: boolean; onCopied?: () => void }) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return;
    const clock = setTimeout(() => setDone(false), 2000);
    return () => clearTimeout(clock);
  }, [done]);
  const copy = () => {
    void navigator.clipboard.writeText(typeof text === 'string' ? text : text()).then(() => {
      setDone(true);
      announce(t('copied'));
      onCopied?.();
    });
  };
  const words = done ? t('copied') : (label ?? t('copy'));
  if (icon)
    return <ActionIcon variant="subtle" color="gray" aria-label={label ?? t('copy')} onClick={copy} {...tip(words)}>{done ? <IconCheck size={16} /> : <IconCopy size={16} />}</ActionIcon>;
  return <Button variant="default" leftSection={done ? <IconCheck size={16} /> : <IconCopy size={16} />} onClick={copy}>{words}</Button>;
}
