// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

import io.mm4j.api.process.TouchOutcome;
import java.util.Map;

/**
 * Which bytes a recording can be asked for. Those of the program image, of its first stack and of
 * the vdso nobody recorded; once a call has written some of them into a file, or moved them, a read
 * that has no value here may have met them.
 */
final class RecordedBytes {
  private boolean strangeElsewhere;

  /** A call was made. */
  void made(VmaEvent.Call call, ReplayedProcess process) {
    if (call.name() == CallName.MREMAP && call.answer() instanceof Answer.Value) {
      strangeElsewhere |= !known(call.arg(0), process);
    }
    if ((call.name() == CallName.SYS_WRITE || call.name() == CallName.PWRITE64)
        && call.answer() instanceof Answer.Value written
        && written.value() > 0) {
      long last = call.arg(1) + written.value() - 1;
      for (long at = call.arg(1); at < last; at += 4096) {
        strangeElsewhere |= !known(at, process);
      }
      strangeElsewhere |= !known(last, process);
    }
  }

  /** Whether a byte that was read is compared with what it is here. */
  boolean judged(long uaddr, ReplayedProcess process, int ours) {
    return known(uaddr, process) && !(strangeElsewhere && ours == TouchOutcome.UNKNOWN);
  }

  private static boolean known(long uaddr, ReplayedProcess process) {
    Map.Entry<Long, MapsLine> entry = process.theirs().floorEntry(uaddr);
    if (entry == null) {
      return false;
    }
    String name = entry.getValue().name();
    return !name.equals("EXE") && !(name.startsWith("[") && !name.equals("[heap]"));
  }
}
