// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.api.InputException;
import io.mm4j.cli.explain.BootExplainer;
import io.mm4j.cli.explain.CallExplainer;
import io.mm4j.cli.explain.PageExplainer;
import io.mm4j.cli.explain.SlabExplainer;
import io.mm4j.cli.explain.SpaceExplainer;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What {@code mm explain} takes, for whoever typed something else. */
final class Operations {
  private Operations() {}

  /** Whether it can be explained, and so is no name of a command. */
  static boolean isOperation(String name) {
    return name.equals(BootExplainer.OPERATION)
        || PageExplainer.knows(name)
        || SlabExplainer.knows(name)
        || SpaceExplainer.knows(name)
        || CallExplainer.knows(name);
  }

  /**
   * Refuses a file in the place of an operation.
   *
   * @throws InputException if the word names one
   */
  static void refuseFile(String word) {
    if (!isOperation(word) && Texts.isFile(word)) {
      throw new InputException(
          "'" + word + "' is a file and no operation",
          "mm explain " + word,
          "--after " + word + " for a log, a dump or a report; @" + word + " for operations in it");
    }
  }

  /**
   * The error that no operation is named.
   *
   * @param after where it would be done, or null for a machine that has just booted
   */
  static InputException noneNamed(@Nullable Workload after) {
    if (after instanceof Workload.Report report) {
      return new InputException(
          "it shows free pages and names no request for some that failed",
          "--after " + report.file(),
          "a request to ask with: alloc_pages GFP_KERNEL 4 --after " + report.file());
    }
    if (after != null) {
      return new InputException(
          "no operation is named",
          "mm explain",
          "one to try there, such as mmap 1M or alloc_pages GFP_KERNEL 3; --calls 1- explains the"
              + " calls of a log itself");
    }
    return new InputException(
        "no operation is named",
        "mm explain",
        Stream.of(
                PageExplainer.forms().stream(),
                Stream.of(BootExplainer.FORM),
                SlabExplainer.forms().stream(),
                SpaceExplainer.forms().stream(),
                CallExplainer.forms().stream())
            .flatMap(forms -> forms)
            .collect(Collectors.joining(", ")));
  }
}
