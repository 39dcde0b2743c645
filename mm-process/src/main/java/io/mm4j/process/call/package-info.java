// SPDX-License-Identifier: Apache-2.0
/** The system calls, one class per family. */
@NullMarked
package io.mm4j.process.call;

import org.jspecify.annotations.NullMarked;
