// All features, in the order of the navigation. The shell knows them by this list only.
import { audit } from '../features/audit/feature';
import { chat } from '../features/chat/feature';
import { cost } from '../features/cost/feature';
import { credentials } from '../features/credentials/feature';
import { home } from '../features/home/feature';
import { kb } from '../features/kb/feature';
import { search } from '../features/search/feature';
import { settings } from '../features/settings/feature';
import { tenancy } from '../features/tenancy/feature';
import type { Command, Feature, Place } from '../ui/feature';

export const features: Feature[] = [home, chat, kb, search, cost, audit, tenancy, settings, credentials];
export const places: Place[] = features.flatMap((f) => f.places ?? []);
export const commands: Command[] = features.flatMap((f) => f.commands ?? []);
