import { useTable } from '@tanstack/react-table';
import { useVirtualizer } from '@tanstack/react-virtual';
import { type MouseEvent, useEffect, useRef } from 'react';
import { useLocation, useNavigate } from 'react-router';
import type { Operation } from '../../api/types';
import { operationsTexts } from '../../texts/operations';
import { COLUMN_CLASSES, columns, features } from './columns';
import classes from './operations-table.module.css';

const ROW_PX = 46;

interface Props {
  operations: Operation[];
  /** Called when the end of what is loaded comes into sight. */
  onEnd: () => void;
}

/** Operations, the newest first; only the rows in sight are drawn. */
export function OperationsTable({ operations, onEnd }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const navigate = useNavigate();
  const { search } = useLocation();
  const table = useTable({ features, columns, data: operations, getRowId: ({ id }: Operation) => id });
  const { rows } = table.getRowModel();
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: 10,
  });
  const seen = virtual.getVirtualItems();
  const last = seen.at(-1)?.index ?? 0;
  useEffect(() => {
    if (last >= operations.length - 1) onEnd();
  }, [last, operations.length, onEnd]);

  const open = (event: MouseEvent, id: string) => {
    // A link in the row does that itself, also in another tab.
    if ((event.target as Element).closest('a')) return;
    void navigate({ pathname: `/operations/${id}`, search });
  };
  const before = seen[0]?.start ?? 0;
  const after = virtual.getTotalSize() - (seen.at(-1)?.end ?? 0);
  return (
    <div ref={scroller} className={classes.scroller} tabIndex={0} role="region" aria-label={operationsTexts.table}>
      <table className={classes.table} aria-rowcount={operations.length}>
        <thead>
          {table.getHeaderGroups().map((group) => (
            <tr key={group.id}>
              {group.headers.map((header) => (
                <th key={header.id} scope="col" className={COLUMN_CLASSES[header.column.id]}>
                  <table.FlexRender header={header} />
                </th>
              ))}
            </tr>
          ))}
        </thead>
        <tbody>
          <Gap height={before} />
          {seen.map(({ index }) => {
            const row = rows[index]!;
            return (
              <tr
                key={row.id}
                ref={virtual.measureElement}
                data-index={index}
                className={classes.row}
                aria-rowindex={index + 1}
                onClick={(event) => open(event, row.id)}
              >
                {row.getAllCells().map((cell) => (
                  <td key={cell.id} className={COLUMN_CLASSES[cell.column.id]}>
                    <table.FlexRender cell={cell} />
                  </td>
                ))}
              </tr>
            );
          })}
          <Gap height={after} />
        </tbody>
      </table>
    </div>
  );
}

/** What is not drawn takes its place all the same. */
function Gap({ height }: { height: number }) {
  return height > 0 ? (
    <tr aria-hidden>
      <td style={{ height, padding: 0, border: 0 }} />
    </tr>
  ) : null;
}
