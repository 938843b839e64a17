// The frame of all pages: header, navigation, banners, and what lies over the page.
import { Outlet, useNavigate, useParams, useRouterState } from '@tanstack/react-router';
import { IconLayoutSidebar, IconLink } from '@tabler/icons-react';
import { lazy, Suspense, useCallback, useEffect, useMemo, useState } from 'react';
import { call, setClientHooks } from '../api/client';
import { useCall } from '../api/query';
import { setTheirDrafts } from '../ui/drafts';
import { display, setDisplay } from '../ui/display';
import type { Command } from '../ui/feature';
import { clockTime } from '../ui/format';
import { MeContext, useMay } from '../ui/me';
import { OwnLink } from '../ui/own-link';
import { Refreshing } from '../ui/states';
import { texts } from '../ui/text';
import { notify } from '../ui/toast-store';
import { Banner } from './Banner';
import { commands, features, places } from './features';
import { Header } from './Header';
import { useKeys } from './keys';
import { Late } from './Late';
import { copyLink } from './link';
import { networkSaid, serverReached, useNetwork } from './network';
import { visited } from './recent';
import { SessionDialog, signInAgain } from './SessionDialog';
import { ownLink } from './own-link';
import css from './Shell.module.css';
import { tellTabs, useBehind, whyBehind } from './tabs';
import { collectTyped } from './typed';
import { unlessReloading } from './version';
import { Bar, Side } from './Navigation';

const t = texts({
  skip: 'Skip to content', nav: 'Navigation', offline: 'The server cannot be reached. What you see is as of {time}; writing is off, drafts are kept.',
  reload: 'Load this page anew', elsewhere: 'This link belongs to the workspace {name}.', switch: 'Switch to it', dismiss: 'Stay here', link: 'Copy the link to this page', icons: 'Navigation: names or icons only', notSwitched: 'The workspace was not switched: {why}',
});

setClientHooks({ signInAgain, blocked: whyBehind, network: networkSaid });
const AssistantPanel = lazy(unlessReloading(() => import('../features/chat/AssistantPanel')));
const loadPalette = () => import('./Palette'), loadHelp = () => import('./Help'), loadDrawer = () => import('./NavigationDrawer');
// What a key opens is there before it is pressed, but after the page.
const soonMs = 1500;
// The record that the open screen says it shows.
function recordOf(params: Record<string, string>): { kind: string; id: string } | undefined {
  const shown = features.flatMap((f) => f.screens).map((s) => s.record).find((r) => r && params[r.param]);
  return shown ? { kind: shown.kind, id: params[shown.param]! } : undefined;
}

export function Shell() {
  const me = useCall('get_current_context', {}, { staleTime: Infinity }).data;
  if (!me) return null;
  return <MeContext value={me}><OwnLink value={ownLink}><Frame /></OwnLink></MeContext>;
}

// A link that was copied in another workspace offers to go there; it never goes there by itself. Here, its `w` has served.
function useForeignLink(workspaceId: string | null | undefined, workspaces: { id: string; name: string }[], forget: () => void) {
  const { w } = useRouterState({ select: (s) => s.location.search as { w?: unknown } });
  const served = w !== undefined && w === workspaceId;
  useEffect(() => {
    if (served) forget();
  }, [served, forget]);
  return served ? null : (workspaces.find((one) => one.id === w) ?? null);
}
function withoutWorkspace(): string {
  const url = new URL(location.href);
  url.searchParams.delete('w');
  return url.pathname + url.search + url.hash;
}

function Frame() {
  const me = useCall('get_current_context', {}, { staleTime: Infinity }).data!;
  const may = useMay();
  const navigate = useNavigate();
  const path = useRouterState({ select: (s) => s.location.pathname });
  const [over, setOver] = useState<'palette' | 'help' | 'drawer' | 'assistant' | null>(null);
  const params = useParams({ strict: false }) as Record<string, string>;
  const network = useNetwork(), behind = useBehind();
  const forgetWorkspace = useCallback(() => void navigate({ to: withoutWorkspace(), replace: true }), [navigate]);
  const foreign = useForeignLink(me.workspace.id, me.workspaces, forgetWorkspace);
  setTheirDrafts(me.user.id ?? '');
  const mine = useMemo(() => places.filter((p) => may(p.operation)), [may]);
  const myCommands = useMemo((): Command[] => [
    ...commands.filter((c) => may(c.operation)),
    { id: 'link', label: () => t('link'), icon: IconLink, run: () => copyLink(me.workspace) },
    { id: 'icons', label: () => t('icons'), icon: IconLayoutSidebar, run: () => setDisplay({ nav: display().nav === 'icons' ? 'wide' : 'icons' }) },
  ], [may, me.workspace]);
  const close = useCallback(() => setOver(null), []);
  useEffect(() => (over === 'palette' ? collectTyped(close) : undefined), [over, close]);
  const go = useCallback((to: string) => void navigate({ to }), [navigate]);
  const switchTo = useCallback((id: string, to = '/') => {
    call('switch_workspace', { workspaceId: id }, { leaving: true }).then(() => {
      tellTabs({ type: 'workspace', id });
      location.assign(to);
    }, (e: unknown) => notify({ kind: 'failed', text: t('notSwitched', { why: e instanceof Error ? e.message : String(e) }) }));
  }, []);
  useKeys(mine, useMemo(() => ({
    palette: () => setOver('palette'), assistant: () => { if (may('send_chat') && !location.pathname.startsWith('/chat')) setOver('assistant'); }, help: () => setOver('help'), search: () => setOver('palette'),
    create: () => { if (may('send_chat')) go('/chat'); }, go,
  }), [go, may]));
  useEffect(() => {
    setOver((now) => (now === 'drawer' || now === 'assistant' ? null : now));
    const clock = setTimeout(() => visited(path, document.title.replace(/ – opboxd$/, '')), 500);
    return () => clearTimeout(clock);
  }, [path]);
  useEffect(() => {
    const clock = setTimeout(() => serverReached() && void Promise.allSettled([loadPalette(), loadHelp()]), soonMs);
    return () => clearTimeout(clock);
  }, []);
  return (
    <div className={css.frame}>
      <a href="#main" className={css.skip} onClick={(e) => { e.preventDefault(); document.getElementById('main')?.focus(); }}>{t('skip')}</a>
      <Header onMenu={() => setOver('drawer')} onPalette={() => setOver('palette')} onHelp={() => setOver('help')} onAssistant={may('send_chat') && !path.startsWith('/chat') ? () => setOver('assistant') : undefined} onSwitch={switchTo} onLink={() => copyLink(me.workspace)} />
      <nav className={css.nav} aria-label={t('nav')}><Side places={mine} /></nav>
      <main id="main" tabIndex={-1} className={css.main}>
        {!network.online && <Banner kind="warning">{t('offline', { time: clockTime(new Date(network.since)) })}</Banner>}
        {behind && <Banner kind="warning" action={{ label: t('reload'), run: () => location.assign('/') }}>{behind}</Banner>}
        {foreign && <Banner kind="note" action={{ label: t('switch'), run: () => switchTo(foreign.id, withoutWorkspace()) }} other={{ label: t('dismiss'), run: forgetWorkspace }}>{t('elsewhere', { name: foreign.name })}</Banner>}
        <Refreshing />
        <Outlet />
      </main>
      <Bar places={mine} />
      <Late opened={over === 'drawer'} load={loadDrawer} onFailed={close}>{(NavigationDrawer) => <NavigationDrawer opened={over === 'drawer'} onClose={close} places={mine} />}</Late>
      <Late opened={over === 'palette'} load={loadPalette} onFailed={close}>{(Palette) => <Palette opened={over === 'palette'} onClose={close} places={mine} commands={myCommands} features={features} go={go} switchTo={switchTo} />}</Late>
      <Late opened={over === 'help'} load={loadHelp} onFailed={close}>{(Help) => <Help opened={over === 'help'} onClose={close} places={mine} />}</Late>
      {over === 'assistant' && <Suspense fallback={null}><AssistantPanel onClose={close} path={path} record={recordOf(params)} /></Suspense>}
      <SessionDialog />
    </div>
  );
}
