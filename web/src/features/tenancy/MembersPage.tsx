import { Button, NativeSelect } from '@mantine/core';
import { IconRobot, IconShieldCheck, IconUser, IconUserPlus } from '@tabler/icons-react';
import { useState } from 'react';
import type { Out } from '../../api/operations';
import { useDeed, useList } from '../../api/query';
import { Confirm, type Question } from '../../ui/Confirm';
import { useMay, useMe } from '../../ui/me';
import { Page, Section } from '../../ui/Page';
import { Empty, ErrorPanel, Loading } from '../../ui/states';
import { texts } from '../../ui/text';
import { notify } from '../../ui/toast-store';
import { Time } from '../../ui/Time';
import { InviteDialog } from './InviteDialog';
import css from './Members.module.css';
import { actsAs, mayGive, refusalOf, removalRefusalOf } from './rules';

const t = texts({
  title: 'Members', lead: 'Who works in {name}, and what they may do.', invite: 'Invite somebody', open: 'Open invitations', none: 'No open invitations.', nobody: 'Nobody here yet.',
  role: 'Role of {name}', roleHead: 'Role', OWNER: 'Owner', ADMIN: 'Admin', MEMBER: 'Member', VIEWER: 'Viewer', byOrganisation: 'acts by the role in the organisation', you: 'you', agent: 'Agent', factor: 'second factor on',
  remove: 'Remove', removeLabel: 'Remove {name}', keep: 'Keep', changeTitle: 'Change the role of {name}?', changeBody: 'From {from} to {to}. It holds from the next request on.', change: 'Change role', cancel: 'Leave as it is',
  removeTitle: 'Remove {name}?', removeBody: '{name} loses access to {workspace} at once, and is signed out everywhere: all their sessions end, those in other workspaces too. Their pages and chats stay.',
  lastOwner: 'The last owner cannot be removed or lowered: make somebody else an owner first.', above: 'Acts here as {role}: only an owner can change or remove an owner.', organisation: 'Cannot be removed here: acts as {role} of the organisation, change that role first.',
  changed: '{name} is {role} now.', removed: '{name} was removed.', revoke: 'Withdraw', revokeLabel: 'Withdraw the invitation of {name}', revoked: 'The invitation of {name} was withdrawn.', expires: 'until', more: 'Show more', loaded: { one: '{n} loaded', other: '{n} loaded' }, person: 'Person', failed: 'That did not work: {why}', actions: 'Actions',
  reset: 'Reset second factor', resetLabel: 'Reset second factor of {name}', resetTitle: 'Reset the second factor of {name}?', resetBody: 'For who has lost both device and recovery codes: make sure that it is {name} who asks. They sign in with the password alone until they set up a new one, and all their sessions end at once.', wasReset: 'The second factor of {name} is off.',
});
type Member = Out<'list_members'>['members'][number];
const roles = ['OWNER', 'ADMIN', 'MEMBER', 'VIEWER'] as const;
type RoleName = (typeof roles)[number];
const nameOf = (m: Member): string => m.name || m.email || m.id;

function Row({ member, lastOwner, ask }: { member: Member; lastOwner: boolean; ask: (q: Question) => void }) {
  const me = useMe(), may = useMay(), name = nameOf(member), self = member.id === me.user.id;
  const change = useDeed('update_member', ['list_members']), remove = useDeed('remove_member', ['list_members']), reset = useDeed('reset_member_totp', ['list_members']);
  const Icon = member.kind === 'AGENT' ? IconRobot : IconUser;
  // An owner's second factor is the owners' affair.
  const above = member.organizationRole === 'OWNER' && me.organizationRole !== 'OWNER';
  const fixed = member.kind === 'AGENT' || !member.role || !may('update_member');
  const refused = refusalOf(me.role, member, lastOwner), notRemoved = removalRefusalOf(me.role, member, lastOwner);
  const removable = may('remove_member') && !self && member.role && member.kind === 'HUMAN';
  const why = removable ? notRemoved : fixed ? null : refused, whyId = `why-${member.id}`;
  const acts = why === 'organisation' ? member.organizationRole : actsAs(member), reason = why && t(why, { role: acts ? t(acts) : '' });
  const setRole = (role: RoleName) => ask({
    title: t('changeTitle', { name }), body: <p>{t('changeBody', { from: t(member.role ?? 'VIEWER'), to: t(role) })}</p>, verb: t('change'), keep: t('cancel'),
    run: async () => {
      await change.mutateAsync({ id: member.id, role, ...(member.version ? { version: member.version } : {}) });
      notify({ kind: 'done', text: t('changed', { name, role: t(role) }) });
    },
  });
  return (
    <tr>
      <td>
        <div className={css.person}><Icon size={18} aria-hidden /><span dir="auto">{name}</span>{self && <span className={css.note}>({t('you')})</span>}
          {member.kind === 'AGENT' && <span className={css.note}>{t('agent')}</span>}{member.secondFactor && <span className={css.note}><IconShieldCheck size={14} aria-hidden /> {t('factor')}</span>}</div>
        <div dir="ltr" className={css.email}>{member.email}</div>
        {why && <div id={whyId} className={css.note}>{reason}</div>}
      </td>
      <td>
        {fixed
          ? <span>{member.role ? t(member.role) : `${member.organizationRole ? t(member.organizationRole) : ''} (${t('byOrganisation')})`}</span>
          : <NativeSelect size="xs" aria-label={t('role', { name })} disabled={refused !== null} {...(refused && why ? { description: reason, descriptionProps: { className: 'visually-hidden' } } : {})} value={member.role ?? ''} onChange={(e) => setRole(e.currentTarget.value as RoleName)}
              data={roles.filter((r) => mayGive(me.role, r) || r === member.role).map((r) => ({ value: r, label: t(r) }))} />}
      </td>
      <td className={css.end}>
        {may('reset_member_totp') && member.secondFactor && !self && !above && (
          <Button size="xs" variant="subtle" color="danger" aria-label={t('resetLabel', { name })} onClick={() => ask({
            title: t('resetTitle', { name }), body: <p>{t('resetBody', { name })}</p>, verb: t('reset'), keep: t('keep'),
            run: async () => {
              await reset.mutateAsync({ orgId: me.workspace.organizationId ?? '', memberId: member.id });
              notify({ kind: 'done', text: t('wasReset', { name }) });
            },
          })}>{t('reset')}</Button>
        )}
        {removable && (
          <Button size="xs" variant="subtle" color="danger" disabled={notRemoved !== null} aria-describedby={notRemoved ? whyId : undefined} aria-label={t('removeLabel', { name })} onClick={() => ask({
            title: t('removeTitle', { name }), body: <p>{t('removeBody', { name, workspace: me.workspace.name ?? '' })}</p>, verb: t('remove'), keep: t('keep'),
            run: async () => {
              await remove.mutateAsync({ id: member.id });
              notify({ kind: 'done', text: t('removed', { name }) });
            },
          })}>{t('remove')}</Button>
        )}
      </td>
    </tr>
  );
}

function Invites() {
  const list = useList('list_invites', { limit: 50 }, (page) => page.invites);
  const revoke = useDeed('revoke_invite', ['list_invites']);
  if (list.error) return <ErrorPanel error={list.error} retry={() => void list.refetch()} />;
  if (list.isPending) return <Loading rows={2} />;
  if (!list.rows.length) return <p className={css.note}>{t('none')}</p>;
  return (
    <ul className={css.invites}>
      {list.rows.map((invite) => (
        <li key={invite.id}>
          <span dir="ltr" className={css.email}>{invite.email}</span><span>{t(invite.role)}</span><span className={css.note}>{t('expires')} <Time at={invite.expiresAt} /></span>
          <Button size="xs" variant="subtle" color="danger" aria-label={t('revokeLabel', { name: invite.email })} onClick={() => revoke.mutate({ id: invite.id }, {
            onSuccess: () => notify({ kind: 'done', text: t('revoked', { name: invite.email }) }), onError: (e) => notify({ kind: 'failed', text: t('failed', { why: e.message }) }) })}>{t('revoke')}</Button>
        </li>
      ))}
    </ul>
  );
}

export default function MembersPage() {
  const me = useMe(), may = useMay();
  const [question, ask] = useState<Question | null>(null), [inviting, setInviting] = useState(false);
  const list = useList('list_members', { limit: 100 }, (page) => page.members);
  const owners = list.rows.filter((m) => m.role === 'OWNER');
  return (
    <Page title={t('title')} lead={t('lead', { name: me.workspace.name ?? '' })} tools={may('create_invite') && <Button leftSection={<IconUserPlus size={16} aria-hidden />} onClick={() => setInviting(true)}>{t('invite')}</Button>}>
      {list.error ? <ErrorPanel error={list.error} retry={() => void list.refetch()} /> : list.isPending ? <Loading rows={5} /> : !list.rows.length ? <Empty title={t('nobody')} /> : (
        <div className={css.scroll} tabIndex={0} role="region" aria-label={t('title')}>
          <table className={css.table}>
            <thead><tr><th scope="col">{t('person')}</th><th scope="col">{t('roleHead')}</th><th scope="col"><span className="visually-hidden">{t('actions')}</span></th></tr></thead>
            <tbody>{list.rows.map((m) => <Row key={m.id} member={m} lastOwner={m.role === 'OWNER' && owners.length === 1 && !list.hasNextPage} ask={ask} />)}</tbody>
          </table>
        </div>
      )}
      {list.hasNextPage && <Button variant="default" onClick={() => void list.fetchNextPage()} loading={list.isFetchingNextPage}>{t('more')} ({t('loaded', { n: list.rows.length })})</Button>}
      {may('list_invites') && <div className={css.gap}><Section title={t('open')}><Invites /></Section></div>}
      <InviteDialog opened={inviting} onClose={() => setInviting(false)} />
      <Confirm question={question} onClose={() => ask(null)} />
    </Page>
  );
}
