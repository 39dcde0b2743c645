// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code mm explain} of the kernel's own mappings. */
class SpaceExplainTest {
  @Test
  void vmallocAndVfree() {
    Cli run = Cli.mm("explain", "vmalloc 1M; vfree $1");
    assertEquals(0, run.code(), run.err());
    assertTrue(run.out().contains("0xffffc90000000000"), run.out());
    assertTrue(run.out().contains("256 pages and a guard page"), run.out());
    assertTrue(run.out().contains("257 pages do"), run.out());
    assertTrue(run.out().contains("pages=256 vmalloc N0=256"), run.out());
  }

  @Test
  void aSecondAreaForTheListOfFramesIsNamed() {
    Cli large = Cli.mm("explain", "vmalloc 4M");
    assertTrue(large.out().contains("that list has its own area"), large.out());
    Cli small = Cli.mm("explain", "vmalloc 2M");
    assertFalse(small.out().contains("that list has its own area"), small.out());
  }

  @Test
  void oneIsNoPlural() {
    Cli run = Cli.mm("explain", "vmalloc 4K; vmalloc 8K");
    assertEquals(0, run.code(), run.err());
    assertTrue(run.out().contains("1 page and a guard page"), run.out());
    assertTrue(run.out().contains("1 frame in 1 run,"), run.out());
    assertTrue(run.out().contains("2 frames in "), run.out());
  }

  @Test
  void ioremapRefusesRam() {
    Cli run = Cli.mm("explain", "ioremap 0x100000 4096; ioremap 0xfebc0000 8K WC");
    assertEquals(0, run.code(), run.err());
    assertTrue(run.out().contains("NULL"), run.out());
    assertTrue(run.out().contains("it is RAM"), run.out());
    assertTrue(run.out().contains("memory type WC"), run.out());
  }

  @Test
  void kmapOfHighAndLowMemory() {
    Cli run = Cli.mm("explain", "kmap 0x40000; kmap 1", "--machine", "x86-32");
    assertEquals(0, run.code(), run.err());
    assertTrue(run.out().contains("0xff800000"), run.out());
    assertTrue(run.out().contains("0xc0001000"), run.out());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"vmalloc", "vmalloc 1 2 3", "ioremap 0xfebc0000 4K XX", "vfree $3", "vfree x"})
  void wrongInputIsAnswered(String call) {
    Cli wrong = Cli.mm("explain", call);
    assertEquals(2, wrong.code(), wrong.err());
    assertTrue(wrong.err().contains("allowed:"), wrong.err());
  }
}
