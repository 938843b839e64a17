import { expect, test } from 'vitest';
import { mayCall, onlyReads } from './operations';

test('a role in the workspace opens what asks for one there', () => {
  expect(mayCall({ role: 'ADMIN', organizationRole: 'MEMBER' }, 'update_workspace_ai_config')).toBe(true);
  expect(mayCall({ role: 'MEMBER', organizationRole: 'OWNER' }, 'update_workspace_ai_config')).toBe(false);
  expect(mayCall({}, 'update_workspace_ai_config')).toBe(false);
});

test('a role in the organisation opens what asks for one there, whatever the role in the workspace', () => {
  expect(mayCall({ role: 'OWNER', organizationRole: 'MEMBER' }, 'update_organization_ai_config')).toBe(false);
  expect(mayCall({ role: null, organizationRole: 'ADMIN' }, 'update_organization_ai_config')).toBe(true);
  expect(mayCall({ organizationRole: 'ADMIN' }, 'clear_organization_ai_config')).toBe(false);
});

test('what asks for no role is open', () => {
  expect(mayCall({}, 'get_current_context')).toBe(true);
});

test('what only reads is known by its method, else by its name', () => {
  expect(['get_document', 'list_chats', 'search', 'get_document_content', 'search_files_of_nowhere'].every(onlyReads)).toBe(true);
  expect(['create_document', 'update_chat', 'append_to_nothing', 'getaway'].some(onlyReads)).toBe(false);
});
