import { type Delivery } from '@app/staging';

/** A delivery as `direct_download` makes it: with what whoever sends it must know of its operation. */
export interface DownloadDelivery extends Delivery {
  operationId: string;
  /** Its abortion ends the delivery, with the signal's reason. */
  signal: AbortSignal;
}

/** True for a delivery that `direct_download` has made. */
export function isDownload(delivery: Delivery): delivery is DownloadDelivery {
  return 'operationId' in delivery && 'signal' in delivery;
}
