import { createBrowserRouter } from 'react-router';
import { PAGE_PATH } from '../config/base';
import { Shell } from './shell/shell';
import { Loading, NoSuchView, ViewError } from './shell/view-error';

/** The views, each of them loaded when it is visited. */
export const makeRouter = () =>
  createBrowserRouter(
    [
      {
        element: <Shell />,
        errorElement: <ViewError />,
        hydrateFallbackElement: <Loading />,
        children: [
          {
            errorElement: <ViewError />,
            children: [
              { index: true, lazy: () => import('../features/stage/stage-view') },
              { path: 'operations/batches', lazy: () => import('../features/operations/batches-view') },
              {
                path: 'operations',
                lazy: () => import('../features/operations/operations-view'),
                children: [{ path: ':id', lazy: () => import('../features/operations/operation-drawer') }],
              },
              { path: 'logs', lazy: () => import('../features/logs/logs-view') },
              { path: 'files', lazy: () => import('../features/files/files-view') },
              { path: 'site', lazy: () => import('../features/site/site-view') },
              // The browser comes back here from the provider; where it goes on is found out in a moment.
              { path: 'signed-in', element: null },
              { path: '*', element: <NoSuchView /> },
            ],
          },
        ],
      },
    ],
    { basename: PAGE_PATH.replace(/\/$/, '') || '/' },
  );
