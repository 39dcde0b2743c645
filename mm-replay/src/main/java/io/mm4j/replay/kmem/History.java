// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import java.util.ArrayList;
import java.util.List;

/**
 * The last recorded core operation on each of a few blocks: a second pass over the trace, made only
 * to show a difference.
 */
final class History {
  private History() {}

  /**
   * Finds the last operation that touched each block.
   *
   * @param blocks pairs of first frame and order
   * @param beforeLine lines from this one on are not looked at; {@link Long#MAX_VALUE} for none
   * @return a sentence for each block
   */
  static List<String> last(
      KmemSource source, RecordedZones zones, List<long[]> blocks, long beforeLine) {
    String[] lines = new String[blocks.size()];
    try (TraceReader event = new TraceReader(source, zones)) {
      while (event.next() && event.line() < beforeLine) {
        if (!TraceReader.removes(event.op()) && !TraceReader.inserts(event.op())) {
          continue;
        }
        long end = event.pfn() + (1L << event.order());
        for (int i = 0; i < lines.length; i++) {
          long[] block = blocks.get(i);
          if (event.pfn() < block[0] + (1L << block[1]) && block[0] < end) {
            lines[i] = "line " + event.line() + ": " + event.text();
          }
        }
      }
    }
    List<String> out = new ArrayList<>();
    for (int i = 0; i < lines.length; i++) {
      out.add(
          lines[i] == null
              ? "no operation on pfn " + blocks.get(i)[0] + " before, it is as at the start"
              : "last operation on pfn " + blocks.get(i)[0] + " before: " + lines[i]);
    }
    return out;
  }
}
