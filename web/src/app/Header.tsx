import { ActionIcon, Menu, UnstyledButton } from '@mantine/core';
import { IconArrowBackUp, IconCheck, IconChevronDown, IconHelp, IconLink, IconLogout, IconMenu2, IconMessage2, IconSearch, IconSettings, IconUser } from '@tabler/icons-react';
import { useNavigate } from '@tanstack/react-router';
import { signOut } from '../api/session';
import { forgetDrafts } from '../ui/drafts';
import { useMe } from '../ui/me';
import { texts } from '../ui/text';
import { tip } from '../ui/tip';
import { notify, useChanges } from '../ui/toast-store';
import { undoAndSay } from '../ui/Toasts';
import { Chips } from './Chips';
import css from './Header.module.css';
import { tellTabs, whyBehind } from './tabs';

const t = texts({
  menu: 'Open navigation', workspace: 'Workspace', noWorkspace: 'No workspace', search: 'Search or go to …', help: 'Keys and help', assistant: 'Assistant on this page (Ctrl+J)', user: 'Your menu',
  settings: 'Settings', link: 'Copy the link to this page', out: 'Sign out', changes: 'Recent changes', none: 'Nothing to undo yet', undone: 'undone', outFailed: 'Signing out failed: {why}',
});

interface Props { onMenu: () => void; onPalette: () => void; onHelp: () => void; onAssistant: (() => void) | undefined; onSwitch: (id: string) => void; onLink: () => void }

function Workspaces({ onSwitch }: { onSwitch: (id: string) => void }) {
  const me = useMe();
  const name = me.workspace.name ?? t('noWorkspace');
  if (me.workspaces.length < 2) return <span className={css.workspace} dir="auto">{name}</span>;
  return (
    <Menu position="bottom-start" width={260}>
      <Menu.Target>
        <UnstyledButton className={css.workspace} aria-label={`${t('workspace')}: ${name}`}><span dir="auto">{name}</span><IconChevronDown size={14} aria-hidden /></UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{t('workspace')}</Menu.Label>
        {me.workspaces.map((w) => (
          <Menu.Item key={w.id} onClick={() => (w.id !== me.workspace.id || whyBehind()) && onSwitch(w.id)} rightSection={w.id === me.workspace.id ? <IconCheck size={14} aria-hidden /> : null}>
            <span dir="auto">{w.name}</span>
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function UserMenu({ onLink }: { onLink: () => void }) {
  const me = useMe(), navigate = useNavigate(), changes = useChanges();
  const leave = () => {
    signOut().then(() => {
      forgetDrafts();
      tellTabs({ type: 'signed-out' });
      location.assign('/sign-in');
    }).catch((e: unknown) => notify({ kind: 'failed', text: t('outFailed', { why: e instanceof Error ? e.message : String(e) }) }));
  };
  return (
    <Menu position="bottom-end" width={280}>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size={32} aria-label={t('user')}><IconUser size={18} /></ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label><span dir="auto">{me.user.name}</span><br /><span dir="ltr">{me.user.email}</span></Menu.Label>
        <Menu.Item leftSection={<IconSettings size={16} aria-hidden />} onClick={() => void navigate({ to: '/settings/profile' })}>{t('settings')}</Menu.Item>
        <Menu.Item leftSection={<IconLink size={16} aria-hidden />} onClick={onLink}>{t('link')}</Menu.Item>
        <Menu.Divider />
        <Menu.Label>{t('changes')}</Menu.Label>
        {changes.length === 0 && <Menu.Item disabled>{t('none')}</Menu.Item>}
        {changes.slice(0, 20).map((change) => (
          <Menu.Item key={change.id} disabled={!!change.undone} leftSection={<IconArrowBackUp size={16} aria-hidden />} rightSection={change.undone ? t('undone') : null} onClick={() => undoAndSay(change)}>
            <span dir="auto">{change.text}</span>
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item leftSection={<IconLogout size={16} aria-hidden />} onClick={leave}>{t('out')}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

export function Header({ onMenu, onPalette, onHelp, onAssistant, onSwitch, onLink }: Props) {
  return (
    <header className={css.header}>
      <ActionIcon className={css.menu} variant="subtle" color="gray" size={32} aria-label={t('menu')} onClick={onMenu}><IconMenu2 size={18} /></ActionIcon>
      <Workspaces onSwitch={onSwitch} />
      <UnstyledButton className={css.search} onClick={onPalette} aria-haspopup="dialog">
        <IconSearch size={16} aria-hidden /><span className={css.words}>{t('search')}</span><kbd dir="ltr" aria-hidden>Ctrl K</kbd>
      </UnstyledButton>
      <div className={css.end}>
        <Chips />
        {onAssistant && <ActionIcon variant="subtle" color="gray" size={32} aria-label={t('assistant')} onClick={onAssistant} {...tip(t('assistant'))}><IconMessage2 size={18} /></ActionIcon>}
        <ActionIcon variant="subtle" color="gray" size={32} aria-label={t('help')} onClick={onHelp} {...tip(t('help'))}><IconHelp size={18} /></ActionIcon>
        <UserMenu onLink={onLink} />
      </div>
    </header>
  );
}
