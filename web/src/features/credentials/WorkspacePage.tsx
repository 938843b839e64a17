import { TierPage } from './TierPage';

export default function WorkspacePage() {
  return <TierPage kind="workspace" />;
}
