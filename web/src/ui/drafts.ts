// Texts that were typed and not sent: kept on this device under the user's id, and removed at sign-out.
const prefix = 'opboxd.draft.';
let user = '';
export function setTheirDrafts(id: string): void {
  user = id;
}
export function draft(of: string): string {
  try {
    return localStorage.getItem(`${prefix}${user}.${of}`) ?? '';
  } catch {
    return '';
  }
}
export function keepDraft(of: string, text: string): void {
  const key = `${prefix}${user}.${of}`;
  try {
    if (text) localStorage.setItem(key, text);
    else localStorage.removeItem(key);
  } catch {
    // A full or forbidden storage: the text still stands in its field.
  }
}
export function forgetDrafts(): void {
  for (const key of Object.keys(localStorage)) if (key.startsWith(`${prefix}${user}.`)) localStorage.removeItem(key);
}
