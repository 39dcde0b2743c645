// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** Scenarios of several tasks in {@code mm explain}. */
class TaskExplainTest {
  private static String explained(String calls) {
    Cli cli = Cli.mm("explain", calls);
    assertEquals(0, cli.code(), cli.err());
    return cli.out().replaceAll("\\s+", " ");
  }

  private static void has(String text, String... parts) {
    for (String part : parts) {
      assertTrue(text.contains(part), part + " in\n" + text);
    }
  }

  @Test
  void forkSharesPagesAndTheKernelsEntries() {
    String text = explained("mmap 8K; write $1; fork; in $3 write $1; in $3 read $1; read $1");
    has(
        text,
        "no CLONE_VM: dup_mm() makes an mm_struct of its own: mm_users=1 mm_count=1",
        "vma_needs_copy() says no",
        "1 of 1 entries copied, 1 write-protected in both",
        "entries 256-511 (kernel): 65 in use, 0 differ",
        "the page is shared since fork: this process gets a copy");
  }

  @Test
  void aKernelThreadBorrowsAndTheLastSwitchFrees() {
    String text = explained("fork; kthread kworker; switch $1; switch $2; in 1 exit");
    has(text, "stays loaded as its active_mm: mm_users=1 mm_count=2", "mm_users=0 mm_count=1");
    has(explained("exit"), "mmput() calls exit_mmap()", "are free", "does not return");
    has(
        explained("vfork; switch $1; exit; switch 1; wait"),
        "CLONE_VM",
        "mm_users goes from 2 to 1",
        "a zombie until");
  }

  @Test
  void whatCannotBeIsRefused() {
    for (String calls :
        new String[] {
          "switch 9",
          "wait 1 2",
          "in 1",
          "exit; mmap 4K",
          "kthread",
          "execve /no/such/file",
          "switch $4"
        }) {
      Cli wrong = Cli.mm("explain", calls);
      assertEquals(2, wrong.code(), calls + wrong.out() + wrong.err());
    }
  }
}
