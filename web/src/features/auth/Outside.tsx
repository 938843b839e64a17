import type { ReactNode } from 'react';
import icon from '../../icon.svg';
import { usePageTitle } from '../../ui/Page';
import { texts } from '../../ui/text';
import css from './auth.module.css';

const t = texts({ manual: 'Manual and API reference' });

// Pages that stand outside the shell.
export function Outside({ title, children }: { title: string; children: ReactNode }) {
  usePageTitle(title);
  return (
    <main className={css.outside}>
      <span className={css.brand}><img src={icon} width={24} height={24} alt="" /><span dir="ltr">opboxd</span></span>
      <div className={css.card}><h1>{title}</h1>{children}</div>
      <p className={css.foot}><a href="/docs">{t('manual')}</a></p>
    </main>
  );
}
