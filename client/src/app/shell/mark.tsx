/** The mark of the page: something is set down at the water. */
export function Mark({ size = 28 }: { size?: number }) {
  return <img src="./favicon.svg" width={size} height={size} alt="" />;
}
