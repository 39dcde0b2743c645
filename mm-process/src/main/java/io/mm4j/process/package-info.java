// SPDX-License-Identifier: Apache-2.0

/** Address spaces. */
@NullMarked
package io.mm4j.process;

import org.jspecify.annotations.NullMarked;
