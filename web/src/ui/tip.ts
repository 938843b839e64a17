// A word on what stands here, shown on hover and focus by the one layer for all of them (Tips): it costs its element an attribute.
export const tip = (text: string, side?: 'end') => ({ 'data-tip': text, ...(side ? { 'data-tip-side': side } : {}) });
