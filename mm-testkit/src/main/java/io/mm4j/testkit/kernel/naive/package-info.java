// SPDX-License-Identifier: Apache-2.0

/** The kernel's own mappings in few lines, and their wrong habits. */
@NullMarked
package io.mm4j.testkit.kernel.naive;

import org.jspecify.annotations.NullMarked;
