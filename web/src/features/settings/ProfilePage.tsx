import { Page } from '../../ui/Page';
import { useMe } from '../../ui/me';
import { Panel } from '../../ui/states';
import { texts } from '../../ui/text';
import { Name } from './Name';
import { Password } from './Password';
import { SecondFactor } from './SecondFactor';
import { Sessions } from './Sessions';
import css from './Settings.module.css';

const t = texts({ title: 'Account', email: 'E-mail', role: 'Role here', workspace: 'Workspace' });

export default function ProfilePage() {
  const me = useMe();
  return (
    <Page title={t('title')}>
      <dl className={css.facts}>
        <div><dt>{t('email')}</dt><dd dir="ltr">{me.user.email ?? '–'}</dd></div>
        <div><dt>{t('workspace')}</dt><dd dir="auto">{me.workspace.name ?? '–'}</dd></div>
        <div><dt>{t('role')}</dt><dd>{me.role ?? '–'}</dd></div>
      </dl>
      <Panel><Name /></Panel>
      <Panel><Password /></Panel>
      <Panel><SecondFactor /></Panel>
      <Panel><Sessions /></Panel>
    </Page>
  );
}
