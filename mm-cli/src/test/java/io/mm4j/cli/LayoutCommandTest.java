// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code mm layout}. */
class LayoutCommandTest {
  @Test
  void theLinesOfTheBootLog() {
    Cli run = Cli.mm("layout", "--machine", "x86-32", "--memory", "2G");
    assertEquals(0, run.code(), run.err());
    assertTrue(
        run.out()
            .contains(
                """
                virtual kernel memory layout:
                    fixmap  : 0xfff16000 - 0xfffff000   ( 932 kB)
                    pkmap   : 0xff800000 - 0xffc00000   (4096 kB)
                    vmalloc : 0xf7ffe000 - 0xff7fe000   ( 120 MB)
                    lowmem  : 0xc0000000 - 0xf77fe000   ( 887 MB)
                """),
        run.out());
  }

  @Test
  void aKernelWithoutHighMemory() {
    Cli run = Cli.mm("layout", "--machine", "x86-32", "--memory", "512M", "--no-highmem");
    assertEquals(0, run.code(), run.err());
    assertTrue(run.out().contains("vmalloc : 0xe0800000 - 0xfff14000"), run.out());
    assertFalse(run.out().contains("HIGHMEM"), run.out());
  }

  @Test
  void theDocumentedMap() {
    Cli run = Cli.mm("layout", "--memory", "4G");
    assertEquals(0, run.code(), run.err());
    assertTrue(
        run.out().contains("ffffc90000000000 | ffffe8ffffffffff |   32 TB | vmalloc"), run.out());
    Cli json = Cli.mm("layout", "--plugin", "page-table=la57", "--json");
    assertEquals("0xffa0000000000000", json.json().get("vmalloc_start"));
  }

  @ParameterizedTest
  @CsvSource({
    "--pkmap, 0xff800000, x86-64",
    "--fixmap, 12, x86-32",
    "--pkmap, 0xfffff000, x86-32",
    "--cmdline, vmalloc=1000M, x86-32",
    "--cmdline, vmalloc=128M, x86-64",
    "--cmdline, highmem=many, x86-32",
    "--seed, 3, x86-32"
  })
  void wrongInputIsAnswered(String option, String value, String machine) {
    Cli wrong = Cli.mm("layout", option, value, "--machine", machine);
    assertEquals(2, wrong.code(), wrong.err());
    assertTrue(wrong.err().contains("allowed:"), wrong.err());
  }
}
