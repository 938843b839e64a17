import { TierPage } from './TierPage';

export default function OrganisationPage() {
  return <TierPage kind="organisation" />;
}
