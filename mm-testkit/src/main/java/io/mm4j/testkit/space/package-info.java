// SPDX-License-Identifier: Apache-2.0

/**
 * Rules, model and faults of whole address spaces: a process floor is run with a {@code vma-index}
 * plugin below it, beside a naive model that keeps a sorted map of areas and recounts everything.
 */
@NullMarked
package io.mm4j.testkit.space;

import org.jspecify.annotations.NullMarked;
