// SPDX-License-Identifier: Apache-2.0

/**
 * What the profile {@code pit} adds to PIT, which measures how many small defects of the reference
 * plugins the kit's rules notice.
 *
 * <p>{@link io.mm4j.tools.pit.Sample} keeps a fixed number of mutants a package, {@link
 * io.mm4j.tools.pit.ExplainLines} leaves out what only explains, {@link
 * io.mm4j.tools.pit.ListingRun} spares the rules a run that PIT makes only to learn their names,
 * and {@link io.mm4j.tools.pit.ScoreTable} prints the scores.
 */
@NullMarked
package io.mm4j.tools.pit;

import org.jspecify.annotations.NullMarked;
