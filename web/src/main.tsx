/** The console's entry: routes, and who may see them. Pages load when they are opened; the challenge page stays light. */
import './styles.css';
import { QueryClient, QueryClientProvider, useQuery } from '@tanstack/react-query';
import { lazy, type ReactNode, StrictMode, Suspense } from 'react';
import { createRoot } from 'react-dom/client';
import { BrowserRouter, Navigate, Route, Routes } from 'react-router';
import { ApiFailure, api } from './data/api.ts';
import { Boundary, NotLoaded } from './parts/boundary.tsx';
import { Fault, Skeleton } from './parts/loading.tsx';
import { SpeechProvider } from './words/speech.tsx';

const Frame = lazy(() => import('./parts/frame.tsx').then((file) => ({ default: file.Frame })));
const NowPage = lazy(() => import('./pages/now.tsx').then((file) => ({ default: file.NowPage })));
const CasesPage = lazy(() => import('./pages/cases.tsx').then((file) => ({ default: file.CasesPage })));
const CasePage = lazy(() => import('./pages/case.tsx').then((file) => ({ default: file.CasePage })));
const OnCallPage = lazy(() => import('./pages/on-call.tsx').then((file) => ({ default: file.OnCallPage })));
const ActivityPage = lazy(() => import('./pages/activity.tsx').then((file) => ({ default: file.ActivityPage })));
const SavedActivityPage = lazy(() =>
  import('./pages/activity.tsx').then((file) => ({ default: file.SavedActivityPage })),
);
const MapPage = lazy(() => import('./pages/map.tsx').then((file) => ({ default: file.MapPage })));
const InventoryPage = lazy(() => import('./pages/inventory.tsx').then((file) => ({ default: file.InventoryPage })));
const CapacityPage = lazy(() => import('./pages/capacity.tsx').then((file) => ({ default: file.CapacityPage })));
const InsightsPage = lazy(() => import('./pages/insights.tsx').then((file) => ({ default: file.InsightsPage })));
const ExemptionsPage = lazy(() => import('./pages/exemptions.tsx').then((file) => ({ default: file.ExemptionsPage })));
const SettingsPage = lazy(() => import('./pages/settings.tsx').then((file) => ({ default: file.SettingsPage })));
const SignInPage = lazy(() => import('./pages/sign-in.tsx').then((file) => ({ default: file.SignInPage })));
const EnrolmentPage = lazy(() => import('./pages/enrolment.tsx').then((file) => ({ default: file.EnrolmentPage })));
const ChallengePage = lazy(() => import('./pages/challenge.tsx').then((file) => ({ default: file.ChallengePage })));

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 2_000,
      retry: (count, error) => !(error instanceof ApiFailure && error.status >= 400 && error.status < 500) && count < 2,
    },
  },
});

function SignedIn({ children }: { readonly children: ReactNode }) {
  const session = useQuery({ queryKey: ['session'], queryFn: api.session });
  if (session.isPending) return <Skeleton />;
  // Whoever is here stays, with whatever they typed, also when it cannot be asked again whether they are signed in.
  if (session.data === undefined) return <Fault error={session.error} retry={() => void session.refetch()} />;
  const { person } = session.data;
  if (person === null) return <Navigate to="/sign-in" replace />;
  return person.enrolled ? children : <Navigate to="/enrolment" replace />;
}

function Console() {
  return (
    <Routes>
      <Route path="/sign-in" element={<SignInPage />} />
      <Route path="/enrolment" element={<EnrolmentPage />} />
      <Route path="/challenge" element={<ChallengePage />} />
      <Route
        element={
          <SignedIn>
            <Frame />
          </SignedIn>
        }
      >
        <Route index element={<NowPage />} />
        <Route path="/cases" element={<CasesPage />} />
        <Route path="/cases/:id" element={<CasePage />} />
        <Route path="/on-call" element={<OnCallPage />} />
        <Route path="/activity" element={<ActivityPage />} />
        <Route path="/activity/saved/:id" element={<SavedActivityPage />} />
        <Route path="/map" element={<MapPage />} />
        <Route path="/inventory" element={<InventoryPage />} />
        <Route path="/capacity" element={<CapacityPage />} />
        <Route path="/insights" element={<InsightsPage />} />
        <Route path="/exemptions" element={<ExemptionsPage />} />
        <Route path="/settings" element={<SettingsPage />} />
        <Route path="*" element={<Navigate to="/" replace />} />
      </Route>
    </Routes>
  );
}

const root = document.getElementById('root');
if (root === null) throw new Error('the page has no #root');
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <SpeechProvider>
        <BrowserRouter>
          <Boundary fallback={<NotLoaded />}>
            <Suspense fallback={<Skeleton />}>
              <Console />
            </Suspense>
          </Boundary>
        </BrowserRouter>
      </SpeechProvider>
    </QueryClientProvider>
  </StrictMode>,
);
