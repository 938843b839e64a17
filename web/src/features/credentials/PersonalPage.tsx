import { TierPage } from './TierPage';

export default function PersonalPage() {
  return <TierPage kind="personal" />;
}
