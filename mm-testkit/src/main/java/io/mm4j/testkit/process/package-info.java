// SPDX-License-Identifier: Apache-2.0

/** The suite of whole address spaces: a process floor with a {@code vma-index} plugin below it. */
@NullMarked
package io.mm4j.testkit.process;

import org.jspecify.annotations.NullMarked;
